package webmail

import (
	"embed"
	"sync"

	"maillab/internal/say/po"
)

// languages has what pages say, French and English.
//
//go:embed words
var languages embed.FS

var words = sync.OnceValue(func() po.Words { return po.ReadWords(languages, "words") })

// say is one of them in a language.
func say(lang, key string, args ...any) string { return words().Say(lang, key, args...) }
