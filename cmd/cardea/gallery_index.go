package main

import (
	"fmt"
	"html/template"
	"os"
)

// indexPage is where to leaf through the pictures: each page with all its looks.
var indexPage = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Cardea's pages</title>
<style>
body{margin:0;font:1rem/1.5 system-ui,sans-serif}
nav{columns:16rem;padding:1rem 1.5rem}
nav a{display:block;min-block-size:1.75rem}
section{padding:1rem 1.5rem;border-block-start:1px solid}
.looks{display:flex;gap:1rem;overflow-x:auto;align-items:flex-start}
figure{margin:0;flex:none}
img{display:block;max-inline-size:min(40rem,80vw);block-size:auto;border:1px solid}
</style></head><body>
<nav aria-label="Pages">{{range .}}<a href="#{{.Name}}">{{.Name}}</a>{{end}}</nav>
<main>{{range .}}{{$page := .Name}}<section id="{{.Name}}"><h2>{{.Name}}</h2><div class="looks">
{{range .Looks}}<figure><figcaption>{{.}}</figcaption><a href="{{$page}}--{{.}}.png"><img loading="lazy" src="{{$page}}--{{.}}.png" alt="{{$page}}, {{.}}"></a></figure>
{{end}}</div></section>
{{end}}</main></body></html>
`))

// shownPage is a page and the names of its looks, as the index has it.
type shownPage struct {
	Name  string
	Looks []string
}

func writeIndex(file string, shown []picture) error {
	var pages []shownPage
	for _, p := range shown {
		page := shownPage{Name: p.name}
		for _, l := range p.looks {
			page.Looks = append(page.Looks, l.name)
		}
		pages = append(pages, page)
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("writing the index: %w", err)
	}
	if err := indexPage.Execute(f, pages); err != nil {
		_ = f.Close() // the other error says more
		return fmt.Errorf("writing the index: %w", err)
	}
	return f.Close()
}
