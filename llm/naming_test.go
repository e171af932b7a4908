package llm

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadName(t *testing.T) {
	for answer, want := range map[string]string{
		"Name: Vintage alarm clocks":                          "Vintage alarm clocks",
		"<think>hm, Name: no</think>\n**name: \"Teapots\".**": "Teapots",
		"Sure!\nName:\n  Crème\tbrûlée  \nmore":               "Crème brûlée",
		"Garden tools": "Garden tools",
		"Name: 保温杯":    "保温杯",
		"Name:":        "", "": "", "Name: 42": "", "Name: red, blue": "", "Name: 红、蓝": "",
		"Name: one two three four five six seven": "", "Name: " + strings.Repeat("x", 61): "",
	} {
		name, fault := ReadName(answer)
		if (fault == "") != (want != "") || want != "" && name != want {
			t.Errorf("ReadName(%q) = %q, %q, want %q", answer, name, fault, want)
		}
	}
}

func FuzzReadName(f *testing.F) {
	f.Add("Name: a\u0000b")
	f.Add("İ name: x\xff")
	f.Fuzz(func(t *testing.T, answer string) {
		name, fault := ReadName(answer)
		if fault == "" && (name == "" || strings.ContainsAny(name, "\n\r,;|") || utf8.RuneCountInString(name) > longestName || !utf8.ValidString(name)) {
			t.Fatalf("ReadName(%q) = %q", answer, name)
		}
	})
}
