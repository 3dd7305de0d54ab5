package signin

import (
	"html/template"
	"net/http"
)

// A page is what the browser shows at the end. Everything in it is escaped.
type page struct {
	Good              bool
	Title, Text, Next string
}

const layout = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tracklake: {{.Title}}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; border-left: .35rem solid {{if .Good}}#1a7f37{{else}}#b3261e{{end}}; padding-left: .8rem; }
p.next { opacity: .75; }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{with .Next}}<p class="next">{{.}}</p>{{end}}
</main>
</body>
</html>
`

func show(w http.ResponseWriter, status int, p page) {
	w.WriteHeader(status)
	// A browser that has disconnected misses its page, nothing more.
	_ = template.Must(template.New("page").Parse(layout)).Execute(w, p)
}
