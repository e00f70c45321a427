package webmail

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// FuzzHarmless: whatever HTML comes, what is left runs nothing, loads nothing and leads nowhere; and it is never an error.
func FuzzHarmless(f *testing.F) {
	for _, seed := range []string{
		"", "text < & >", "<b>x", `<a href="http://a">x<a href=b>y</a></a></a>`, `<img src=cid:x><img src="data:text/html,x"><img>`,
		`<p style="color:red;background:url(x);behavior:url(y);width:expression(alert(1))">`, "<svg><style><img src=x onerror=alert(1)>", "<scr<script>ipt>alert(1)</script>",
		`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`, "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
		`<a href="java&#10;script:alert(1)">x</a>`, "<a href=\"\x01javascript:alert(1)\">x", "<iframe srcdoc='<script>alert(1)</script>'>", "<plaintext><script>", "<textarea><img src=x>", "\xff\xfe<b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		out, err := harmless("en", source, true, func(id string) (string, error) {
			if id == "x" {
				return "data:image/png;base64,AAAA", nil
			}
			return "", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(out, "<body>")
		for in := html.NewTokenizer(strings.NewReader(body)); in.Next() != html.ErrorToken; {
			judgeHTML(t, in.Token())
		}
	})
}

// judgeHTML complains about what should not be left.
func judgeHTML(t *testing.T, token html.Token) {
	if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
		return
	}
	switch token.Data {
	case "script", "style", "iframe", "frame", "object", "embed", "applet", "form", "input", "button", "textarea", "link", "meta", "base", "svg", "math", "a", "audio", "video", "source", "template":
		t.Errorf("<%s> is left", token.Data)
	}
	for _, a := range token.Attr {
		value := strings.ToLower(a.Val)
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "href", a.Key == "srcset", a.Key == "background", a.Key == "action", a.Key == "srcdoc":
			t.Errorf("<%s %s> is left", token.Data, a.Key)
		case a.Key == "src" && value != "data:image/png;base64,aaaa":
			t.Errorf("<%s src=%q> is left", token.Data, a.Val)
		case a.Key == "style" && (strings.Contains(value, "url(") || strings.Contains(value, "expression") || strings.Contains(value, "import")):
			t.Errorf("style=%q is left", a.Val)
		}
	}
}

// FuzzHead: whatever a header is made of, what is shown of it is one line each, and what is answered to it has no line of its own.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{
		"Subject: x\r\nFrom: a@b\r\n\r\n", "From: =?utf-8?q?a=0D=0AX:_y?= <a@b>\r\n", "Subject: =?utf-8?b?DQo=?=x\r\n y\r\n", "References: <a> <b c> <\xff> <d\r\n>\r\n", "To: g: a, b;, \"x\\\"\" <c>\r\n", ": :\r\n\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		h := readHead([]byte(header))
		for _, text := range append([]string{h.Subject, h.Date, listed(h.From), listed(h.To), listed(h.Cc), listed(h.ReplyTo), h.MessageID}, h.References...) {
			if strings.ContainsFunc(text, isControl) || strings.ContainsFunc(text, turns) {
				t.Errorf("%q", text)
			}
		}
		letter, err := draft{To: listed(h.From) + ", util1", Subject: h.Subject, References: h.References, Text: header}.compose("a@b", "b", testTime)
		if err != nil {
			return // what cannot be sent is told
		}
		head, _, _ := strings.Cut(string(letter.Message), "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			name, _, _ := strings.Cut(line, ":")
			if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") && !strings.Contains(" Mime-Version From To Subject Date Message-Id In-Reply-To References User-Agent Content-Transfer-Encoding Content-Type ", " "+name+" ") {
				t.Errorf("a field of its own: %q", line)
			}
		}
	})
}
