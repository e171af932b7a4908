package paidlog

import (
	"sync"

	"foray/llm"
)

// answers maps identities to texts. Answers of one vocabulary repeat, so each
// text is held once, and the map holds no pointers. The zero value is empty.
type answers struct {
	mu    sync.RWMutex
	index map[llm.ID]uint32
	texts []string
	known map[string]uint32
}

func (a *answers) get(id llm.ID) (string, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	i, ok := a.index[id]
	if !ok {
		return "", false
	}
	return a.texts[i], true
}

// add keeps the first text of an identity.
func (a *answers) add(id llm.ID, text string) { a.addBytes(id, []byte(text)) }

// addBytes is add for a text that the caller goes on to overwrite.
func (a *answers) addBytes(id llm.ID, text []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.index == nil {
		a.index = map[llm.ID]uint32{}
		a.known = map[string]uint32{}
	}
	if _, ok := a.index[id]; ok {
		return
	}
	i, ok := a.known[string(text)]
	if !ok {
		i = uint32(len(a.texts))
		s := string(text)
		a.texts = append(a.texts, s)
		a.known[s] = i
	}
	a.index[id] = i
}
