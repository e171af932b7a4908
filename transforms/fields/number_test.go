package fields

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestFloat(t *testing.T) {
	for in, want := range map[string]float64{"8": 8, " 0.5\t": 0.5, "-1e-3": -0.001, "+2": 2, ".5": 0.5, "5.": 5, "1e-999": 0} {
		if got, err := Float([]byte(in)); err != nil || got != want {
			t.Errorf("%q: got %v and %v, want %v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"":          `the number "" is empty: give a number`,
		"NaN":       `the number "NaN" is not finite: give a finite one, or remove the row`,
		"-Infinity": "is not finite",
		"1e999":     "is too large for a float of 64 bits",
		"null":      "stands for a missing one",
		`\N`:        "stands for a missing one",
		"4,5":       `the number "4,5" has a comma: write decimals with a point`,
		"1,234,567": "has a comma",
		"0x10":      "is not one: give a number such as 8 or 0.5",
		"1_000":     "is not one",
		"five":      "is not one",
		"1 2":       "is not one",
		"5\x00":     `the number "5\x00" is not one`,
		",":         "is not one",
		"--1":       "is not one",
	} {
		if got, err := Float([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v and %v, want an error that says %q", in, got, err, want)
		}
	}
}

func TestFloats(t *testing.T) {
	want := []float32{0.1, -2, 3e-4}
	for _, in := range []string{
		"[0.1, -2, 3e-4]", "0.1,-2,3e-4", "0.1 -2  3e-4", " [ 0.1\n -2\t3e-4 ] ", "0.1;-2;3e-4", "0.1 | -2 | 3e-4", "{0.1,-2,3e-4}", "(0.1, -2, 3e-4)",
	} {
		if got, err := Floats([]byte(in)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v and %v", in, got, err)
		}
	}
	if got, err := Floats([]byte("7")); err != nil || !slices.Equal(got, []float32{7}) {
		t.Errorf("one float: got %v and %v", got, err)
	}
	for in, want := range map[string]string{
		"":                "the list of floats is empty",
		" [ ] ":           "the list of floats is empty",
		"[0.1, 0.2":       `opens with '[' and does not end with ']': check that it is whole`,
		"[":               "does not end with ']'",
		"0.1, NaN, 3":     `number 2 of the list of floats, "NaN", is not finite`,
		"0.1 2 -Inf":      `number 3 of the list of floats, "-Inf", is not finite`,
		"0.1,,0.2":        `number 2 of the list of floats, "", is empty`,
		"0.1,":            `number 2 of the list of floats, "", is empty`,
		"0.1, 1e39":       `number 2 of the list of floats, "1e39", is too large for a float of 32 bits`,
		"0,1;0,2":         `has both ',' and ';': part the floats by one of them, and write decimals with a point`,
		"[[0.1, 0.2]]":    `number 1 of the list of floats, "[0.1", is not one`,
		"[null, 1]":       "number 1",
		"one two":         `"one", is not one`,
		"[0.1, 0.2] tail": "does not end with",
	} {
		if got, err := Floats([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v and %v, want an error that says %q", in, got, err, want)
		}
	}
}

// FuzzFloats holds that floats written with every separator come back, and
// that whatever is read is finite.
func FuzzFloats(f *testing.F) {
	f.Add("[0.1, 0.2]", float32(1), float32(-2e-7))
	f.Add("1 | 2", float32(0), float32(math.MaxFloat32))
	f.Add("0,1;0,2", float32(0.5), float32(1e-45))
	f.Fuzz(func(t *testing.T, in string, a, b float32) {
		got, err := Floats([]byte(in))
		if (err == nil) != (len(got) > 0) {
			t.Errorf("%q: got %v and %v", in, got, err)
		}
		for _, x := range got {
			if x != x || math.IsInf(float64(x), 0) {
				t.Errorf("%q holds %v", in, x)
			}
		}
		if a != a || b != b || math.IsInf(float64(a), 0) || math.IsInf(float64(b), 0) {
			return
		}
		for _, separator := range []string{", ", ",", " ", ";", "|", "\n"} {
			text := strconv.FormatFloat(float64(a), 'g', -1, 32) + separator + strconv.FormatFloat(float64(b), 'g', -1, 32)
			for _, text := range []string{text, "[" + text + "]"} {
				if got, err := Floats([]byte(text)); err != nil || !slices.Equal(got, []float32{a, b}) {
					t.Errorf("%q: got %v and %v", text, got, err)
				}
			}
		}
	})
}

// FuzzFloat holds that what is read is finite and what strconv reads.
func FuzzFloat(f *testing.F) {
	for _, seed := range []string{"8", "-0.5e3", "nan", "4,5", "0x1p4", "1e400", ",,,,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := Float([]byte(in))
		if err != nil {
			return
		}
		want, err := strconv.ParseFloat(strings.TrimSpace(in), 64)
		if err != nil || got != want || math.IsNaN(got) || math.IsInf(got, 0) {
			t.Errorf("%q: got %v, want %v and %v", in, got, want, err)
		}
	})
}

func BenchmarkFloats(b *testing.B) {
	var list []string
	for i := range 384 {
		list = append(list, strconv.FormatFloat(math.Sin(float64(i)), 'g', 7, 32))
	}
	field := []byte("[" + strings.Join(list, ", ") + "]")
	for b.Loop() {
		if _, err := Floats(field); err != nil {
			b.Fatal(err)
		}
	}
}
