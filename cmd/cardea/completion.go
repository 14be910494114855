package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Completion is done by this program itself: the shell's script hands over the
// words so far and gets back what may come next, one a line with a tab before
// what it means. So there is one description of the commands, kong's, and the
// scripts never grow old.
type completionCommand struct {
	Shell completionShellCommand `cmd:"" default:"withargs" help:"Print the script for a shell (the default)."`
	Words completionWordsCommand `cmd:"" hidden:"" help:"Complete words; for the scripts."`
}

type completionShellCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Your shell: bash, zsh or fish."`
}

func (c *completionShellCommand) Help() string {
	return "bash: cardea completion bash > ~/.local/share/bash-completion/completions/cardea\n\n" +
		"zsh: cardea completion zsh > a folder of your $fpath, as _cardea\n\n" +
		"fish: cardea completion fish > ~/.config/fish/completions/cardea.fish"
}

func (c *completionShellCommand) Run(s *session) error {
	_, err := fmt.Fprint(s.out, completionScripts[c.Shell])
	return err
}

// The line fileMark asks the script for names of files.
const fileMark = "\x01files"

var completionScripts = map[string]string{
	"bash": `# bash completion for cardea; made by: cardea completion bash
_cardea() {
	local line cur=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
	[[ $cur == "=" ]] && cur=
	COMPREPLY=()
	for line in $("${COMP_WORDS[0]}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
		if [[ $line == $'\x01files' ]]; then
			compopt -o filenames 2>/dev/null
			COMPREPLY+=($(compgen -f -- "$cur"))
		else
			COMPREPLY+=("${line%%$'\t'*}")
		fi
	done
}
complete -F _cardea cardea
`,
	"zsh": `#compdef cardea
# zsh completion for cardea; made by: cardea completion zsh
_cardea() {
	local line
	local -a found
	for line in "${(@f)$(${words[1]} completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		if [[ $line == $'\x01files' ]]; then
			_files
		elif [[ -n $line ]]; then
			found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
		fi
	done
	if (( ${#found} )); then _describe cardea found; fi
}
if [[ $funcstack[1] == _cardea ]]; then _cardea "$@"; else compdef _cardea cardea; fi
`,
	"fish": `# fish completion for cardea; made by: cardea completion fish
function __cardea_complete
	set -l words (commandline -opc) (commandline -ct)
	for line in ($words[1] completion words -- $words[2..-1] 2>/dev/null)
		if test "$line" = \x01files
			__fish_complete_path (commandline -ct)
		else
			echo -- $line
		end
	end
end
complete -c cardea -f -a '(__cardea_complete)'
`,
}

type completionWordsCommand struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

func (c *completionWordsCommand) Run(s *session) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, w := range complete(s.model.Node, words) {
		if _, err := fmt.Fprintln(s.out, w); err != nil {
			return err
		}
	}
	return nil
}

// A completing knows where in the commands the words so far have led.
type completing struct {
	node  *kong.Node
	flag  *kong.Flag // whose value comes next
	plain bool       // after --: no flags any more
	given int        // positional words
}

// complete returns what the last of words may be.
func complete(root *kong.Node, words []string) []string {
	words = splitEquals(words)
	if len(words) == 0 {
		words = []string{""}
	}
	at := completing{node: root}
	for _, w := range words[:len(words)-1] {
		at.step(w)
	}
	last := words[len(words)-1]
	if name, value, both := strings.Cut(last, "="); both && strings.HasPrefix(last, "--") && at.flag == nil {
		if f := at.find(name); f != nil {
			return valuesOf(f.Value, value, name+"=")
		}
	}
	return at.next(last)
}

// splitEquals undoes what bash does to --flag=value: it makes three words of
// it.
func splitEquals(words []string) []string {
	var out []string
	for i := 0; i < len(words); i++ {
		if words[i] != "=" || i == 0 || !strings.HasPrefix(words[i-1], "--") {
			out = append(out, words[i])
		} else if i == len(words)-1 {
			out = append(out, "")
		}
	}
	return out
}

func (c *completing) step(w string) {
	switch {
	case c.flag != nil:
		c.flag = nil
	case w == "--":
		c.plain = true
	case strings.HasPrefix(w, "-") && w != "-" && !c.plain:
		if f := c.find(w); f != nil && !f.IsBool() && !f.IsCounter() {
			c.flag = f
		}
	default:
		for _, child := range c.node.Children {
			if child.Name == w || slices.Contains(child.Aliases, w) {
				c.node, c.given = child, 0
				return
			}
		}
		c.given++
	}
}

// flags are those that may stand here: those of the command that is meant when
// none is named are among them.
func (c *completing) flags() []*kong.Flag {
	node := c.node
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	var all []*kong.Flag
	for _, group := range node.AllFlags(true) {
		all = append(all, group...)
	}
	return all
}

func (c *completing) find(w string) *kong.Flag {
	for _, f := range c.flags() {
		if w == "--"+f.Name || f.Short != 0 && w == "-"+string(f.Short) {
			return f
		}
	}
	return nil
}

func (c *completing) next(last string) []string {
	var out []string
	offer := func(word, help string) {
		if strings.HasPrefix(word, last) {
			out = append(out, word+"\t"+firstSentence(help))
		}
	}
	switch {
	case c.flag != nil:
		return valuesOf(c.flag.Value, last, "")
	case strings.HasPrefix(last, "-") && !c.plain:
		for _, f := range c.flags() {
			offer("--"+f.Name, f.Help)
		}
		return out
	}
	if c.given == 0 {
		for _, child := range c.node.Children {
			if !child.Hidden {
				offer(child.Name, child.Help)
			}
		}
	}
	node := c.node
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	if c.given < len(node.Positional) {
		out = append(out, valuesOf(node.Positional[c.given], last, "")...)
	}
	return out
}

// valuesOf returns what a value may be, each after a prefix.
func valuesOf(v *kong.Value, start, prefix string) (out []string) {
	if v.Enum != "" {
		for _, e := range v.EnumSlice() {
			if strings.HasPrefix(e, start) {
				out = append(out, prefix+e+"\t")
			}
		}
		return out
	}
	if v.Tag != nil && v.Tag.Type == "path" && v.Target.Kind() == reflect.String {
		return []string{fileMark}
	}
	return nil
}

func firstSentence(help string) string {
	if s, _, more := strings.Cut(help, ". "); more {
		return s
	}
	return strings.TrimSuffix(help, ".")
}
