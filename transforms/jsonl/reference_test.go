package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// reference is what Fields should be of a line that encoding/json reads and
// in which no name stands twice; not ok if the row should be malformed.
func reference(line []byte, columns []string) (fields []string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var object map[string]json.RawMessage
	if !json.Valid(line) || d.Decode(&object) != nil || object == nil {
		return nil, false
	}
	for _, column := range columns {
		values := lookUp(line, column)
		text := absent
		for _, here := range values { // by depth; the first that has any counts
			if len(here) > 1 {
				return nil, false
			}
			if len(here) == 1 {
				if text, ok = referenceText(here[0]); !ok {
					return nil, false
				}
				break
			}
		}
		fields = append(fields, text)
	}
	return fields, true
}

// lookUp finds all values of a name, by how many objects they stand in.
func lookUp(value []byte, name string) (byDepth [][][]byte) {
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		return nil
	}
	byDepth = make([][][]byte, 1)
	if here, ok := object[name]; ok {
		byDepth[0] = append(byDepth[0], here)
	}
	for i := range name {
		if name[i] != '.' {
			continue
		}
		for depth, values := range lookUp(object[name[:i]], name[i+1:]) {
			for len(byDepth) <= depth+1 {
				byDepth = append(byDepth, nil)
			}
			byDepth[depth+1] = append(byDepth[depth+1], values...)
		}
	}
	return byDepth
}

func referenceText(value []byte) (text string, ok bool) {
	switch value[0] {
	case 'n':
		return absent, true
	case '{':
		return "", false
	case '"':
		ok = json.Unmarshal(value, &text) == nil
		return text, ok
	case '[':
		var texts []string
		var elements []json.RawMessage
		if json.Unmarshal(value, &elements) != nil {
			return "", false
		}
		numbers := 0
		for _, e := range elements {
			switch {
			case e[0] == '"':
				var text string
				if json.Unmarshal(e, &text) != nil {
					return "", false
				}
				texts = append(texts, text)
			case strings.IndexByte("-0123456789", e[0]) >= 0:
				numbers++
			}
		}
		switch len(elements) {
		case 0:
			return "", true
		case len(texts):
			return strings.Join(texts, ", "), true
		}
		return string(value), numbers == len(elements)
	}
	return string(value), true
}

// someJSON writes random JSON, with blanks and escapes where they may be.
type someJSON struct {
	rng *rand.Rand
	out bytes.Buffer
}

func (w *someJSON) write(token string) {
	for range w.rng.IntN(3) {
		w.out.WriteByte(" \t"[w.rng.IntN(2)])
	}
	w.out.WriteString(token)
}

func (w *someJSON) writeString(text string) {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || r == '"' || r == '\\' || r < 0x10000 && w.rng.IntN(4) == 0 {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	w.write(`"` + b.String() + `"`)
}

func (w *someJSON) oneOf(tokens ...string) string { return tokens[w.rng.IntN(len(tokens))] }

func (w *someJSON) writeObject(depth int) {
	w.write("{")
	for i, at := range w.rng.Perm(5)[:w.rng.IntN(6)] {
		if i > 0 {
			w.write(",")
		}
		w.writeString([]string{"a", "b", "c", "a.b", "b.c"}[at])
		w.write(":")
		w.writeValue(depth)
	}
	w.write("}")
}

func (w *someJSON) writeValue(depth int) {
	switch kind := w.rng.IntN(10); {
	case kind < 4 && depth < 3:
		w.writeObject(depth + 1)
	case kind < 5:
		w.writeList()
	case kind < 7:
		w.writeString(w.oneOf("", "x", "é\"\\\n", "😀\x00", "\u2028a, b"))
	default:
		w.write(w.oneOf("null", "true", "false", "0", "-1.50", "1e3", "1700000000"))
	}
}

// writeList writes a list that is mostly of one kind.
func (w *someJSON) writeList() {
	w.write("[")
	kind := w.rng.IntN(2)
	for i := range w.rng.IntN(4) {
		if i > 0 {
			w.write(",")
		}
		switch {
		case w.rng.IntN(8) == 0:
			w.write(w.oneOf("null", "true", "[]", "{}", "1", `"x"`))
		case kind == 0:
			w.write(w.oneOf("0", "-1.5", "2E+7"))
		default:
			w.writeString(w.oneOf("x", "", "é"))
		}
	}
	w.write("]")
}

// TestEncodingJSON holds random objects against encoding/json.
func TestEncodingJSON(t *testing.T) {
	w := someJSON{rng: rand.New(rand.NewPCG(1, 2))}
	columns := []string{"a", "b", "a.b", "b.c", "a.b.c", "c.a.b.c"}
	good, bad, deep := 0, 0, 0
	for range 20_000 {
		w.out.Reset()
		w.writeObject(0)
		line := w.out.Bytes()
		some := columns[w.rng.IntN(len(columns)):]
		rows, err := scanAll(t, bytes.NewReader(line), Options{Columns: some})
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: %d rows, %v", line, len(rows), err)
		}
		want, ok := reference(line, some)
		if got := rows[0]; fmt.Sprint(got.fields) != fmt.Sprint(want) || (got.bad == "") != ok {
			t.Fatalf("%s\ncolumns %q\ngot  %q %s\nwant %q %v", line, some, got.fields, got.bad, want, ok)
		}
		if !ok {
			bad++
			continue
		}
		good++
		if want[len(want)-1] != absent {
			deep++
		}
	}
	if good < 1000 || bad < 1000 || deep < 10 {
		t.Errorf("the rows are poor ones: %d good, %d bad, %d with the deepest column", good, bad, deep)
	}
}
