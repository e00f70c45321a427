package classroom

import "fmt"

// Scopes are what may be put back.
func Scopes() []string { return []string{"mail", "home", "all"} }

// ScopeNames is what a question calls a scope.
func ScopeNames(scope string) string {
	return map[string]string{"mail": "the mail", "home": "the homes", "all": "the mail and the homes"}[scope]
}

// CheckScope refuses what is none.
func CheckScope(scope string) error {
	if ScopeNames(scope) == "" {
		return fmt.Errorf("no scope is called %q: mail, home or all", scope)
	}
	return nil
}
