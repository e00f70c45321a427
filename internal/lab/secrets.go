package lab

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
)

// Secrets gives the secret text for a key, always the same one: "password/SEAT/ACCOUNT" for a generated password,
// "token/STUDENT/TASK" for a {token}. It is asked only for what a lab uses.
type Secrets func(key string) string

// Derived makes secrets from a class's own one by HMAC-SHA256: the same key always gives the same text, and without the
// class's secret nobody can tell one from another. Texts have 49 bits, in letters and digits that are told apart in
// print, as they are read from a sheet and typed: x7kq2-mv4hd.
func Derived(class []byte) Secrets {
	return func(key string) string {
		mac := hmac.New(sha256.New, class)
		_, _ = mac.Write([]byte(key)) // a hash never fails
		return readable(mac.Sum(nil))
	}
}

// readable spells the first ten bytes of a hash; that 256 is no multiple of 31 costs less than a bit.
func readable(sum []byte) string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789" // no i, l, o, 0, 1
	var out strings.Builder
	for i := range 10 {
		out.WriteByte(letters[int(sum[i])%len(letters)])
	}
	return fmt.Sprintf("%s-%s", out.String()[:5], out.String()[5:])
}

// passwordKey is what Secrets is asked for a generated password.
func passwordKey(seat int, account string) string {
	return fmt.Sprintf("password/%d/%s", seat, account)
}
