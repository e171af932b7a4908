package llm

import "testing"

func someRequest() Request {
	return Request{
		Model:       "m",
		Messages:    []Message{{RoleSystem, "s"}, {RoleUser, "u"}},
		Temperature: 0.7,
		MaxTokens:   64,
		Seed:        1,
	}
}

// The identity of a request must never change: a change would pay again for
// every answer there is.
func TestIDGolden(t *testing.T) {
	r := someRequest()
	const want = "597202befb15eb385114bbc76e89a74cb05ebf454db1037098274e887d44bf26"
	if got := r.ID().String(); got != want {
		t.Errorf("ID %s, want %s", got, want)
	}
}

func TestIDDependsOn(t *testing.T) {
	base := someRequest()
	seen := map[ID]string{base.ID(): "nothing"}
	for name, change := range map[string]func(*Request){
		"model":       func(r *Request) { r.Model = "n" },
		"content":     func(r *Request) { r.Messages = []Message{{RoleSystem, "s"}, {RoleUser, "v"}} },
		"role":        func(r *Request) { r.Messages = []Message{{RoleUser, "s"}, {RoleUser, "u"}} },
		"boundaries":  func(r *Request) { r.Messages = []Message{{RoleSystem, "su"}, {RoleUser, ""}} },
		"count":       func(r *Request) { r.Messages = r.Messages[:1] },
		"temperature": func(r *Request) { r.Temperature = 0 },
		"unsent":      func(r *Request) { r.Temperature = -1 },
		"max tokens":  func(r *Request) { r.MaxTokens = 0 },
		"seed":        func(r *Request) { r.Seed = 2 },
		"sample":      func(r *Request) { r.Sample = 1 },
		"constraint":  func(r *Request) { r.Constraint = "grammar" },
	} {
		r := someRequest()
		change(&r)
		if other, ok := seen[r.ID()]; ok {
			t.Errorf("changing %s and changing %s give one identity", name, other)
		}
		seen[r.ID()] = name
	}
	r := someRequest()
	r.Key, r.PromptVersion = []int32{1, 2}, "v"
	if r.ID() != base.ID() {
		t.Error("the key or the prompt's version is part of the identity")
	}
	a, b := someRequest(), someRequest()
	a.Temperature, b.Temperature = -1, -0.5
	if a.ID() != b.ID() {
		t.Error("two ways to leave the temperature to the endpoint have two identities")
	}
}

func TestDrawSeeds(t *testing.T) {
	seen := map[uint32]bool{}
	r := someRequest()
	for r.Sample = range 100 {
		s := r.ID().drawSeed()
		if s >= 1<<31 || seen[s] {
			t.Fatalf("sample %d has seed %d: too large, or drawn before", r.Sample, s)
		}
		seen[s] = true
	}
}

func TestParseID(t *testing.T) {
	r := someRequest()
	id, err := ParseID(r.ID().String())
	if err != nil || id != r.ID() {
		t.Errorf("ParseID(String) = %v, %v", id, err)
	}
	for _, bad := range []string{"", "00", r.ID().String() + "0", "x" + r.ID().String()[1:]} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) gives no error", bad)
		}
	}
}
