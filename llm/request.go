package llm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// identityFormat is hashed into every identity. Another value makes every
// answer paid for so far unknown: never change it lightly.
const identityFormat = "foray answer 1"

// The roles of messages.
const (
	RoleSystem    = "system"
	RoleUser      = "user"
	RoleAssistant = "assistant" // what the model said before
)

// Message is one message of a chat.
type Message struct {
	Role    string // RoleSystem, RoleUser or RoleAssistant
	Content string
}

// Request is one question to a model.
type Request struct {
	Model    string
	Messages []Message
	// Temperature is in [0, 2]; below 0 leaves it to the endpoint, as models
	// that accept none need.
	Temperature float64
	// MaxTokens bounds the answer; 0 leaves it to the endpoint.
	MaxTokens int
	// Seed is the run's. What is sent is derived from the identity, so that
	// no two questions and no two samples share a draw.
	Seed uint64
	// Sample counts the answers to one prompt from 0.
	Sample int
	// Constraint is what decoding is held to: a JSON object in canonical form
	// (see Decoder), whose members are sent beside the messages; empty if
	// decoding is free.
	Constraint string

	// Inputs are texts to embed, in place of Messages and of all that concerns
	// sampling; none is empty. Dimensions is the length of vectors that is asked
	// for; 0 leaves it to the model. The answer's Text is a line for each input,
	// see DecodeVector.
	Inputs     []string
	Dimensions int

	// Key and PromptVersion are written to the record beside the answer. They
	// are neither sent nor part of the identity: the prompt speaks for them.
	Key           []int32
	PromptVersion string
}

// ID is the identity of a request: equal requests have equal answers to be
// paid for once.
type ID [sha256.Size]byte

// String is the identity in 64 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(len(id)) {
		return id, fmt.Errorf("an identity of %d characters, want %d", len(s), hex.EncodedLen(len(id)))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("an identity that is not hex: %w", err)
	}
	return id, nil
}

// ID is SHA-256 over the format version, the model, the messages, the sampling
// parameters, the constraint and the sample index, each with its length in
// front. The endpoint is not part of it: the same model elsewhere gives
// answers as good.
func (r *Request) ID() ID {
	if len(r.Inputs) > 0 {
		return r.embeddingID()
	}
	buf := make([]byte, 0, 2048)
	field := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	field(identityFormat)
	field(r.Model)
	buf = binary.AppendUvarint(buf, uint64(len(r.Messages)))
	for _, m := range r.Messages {
		field(m.Role)
		field(m.Content)
	}
	temperature := max(r.Temperature, -1) // all below 0 mean the same
	if r.Temperature < 0 {
		temperature = -1
	}
	field(strconv.FormatFloat(temperature, 'g', -1, 64))
	buf = binary.AppendVarint(buf, int64(r.MaxTokens))
	buf = binary.AppendUvarint(buf, r.Seed)
	field(r.Constraint)
	buf = binary.AppendVarint(buf, int64(r.Sample))
	return sha256.Sum256(buf)
}

// drawSeed is the seed to send, in [0, 2³¹): the widest range that every
// endpoint takes.
func (id ID) drawSeed() uint32 { return binary.LittleEndian.Uint32(id[:4]) >> 1 }
