package llm

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/sashabaranov/go-openai"
)

// embeddingFormat is hashed into every identity of an embedding, see
// identityFormat.
const embeddingFormat = "foray embedding 1"

// vectorsMaxResponse bounds the vectors of a call: a thousand texts of 3,072
// numbers each, written as JSON.
const vectorsMaxResponse = 64 << 20

// embeddingID is SHA-256 over the format version, the model, the dimensions
// and the texts, each with its length in front.
func (r *Request) embeddingID() ID {
	size := 128 + len(r.Model)
	for _, text := range r.Inputs {
		size += len(text) + binary.MaxVarintLen64
	}
	buf := make([]byte, 0, size)
	field := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	field(embeddingFormat)
	field(r.Model)
	buf = binary.AppendVarint(buf, int64(r.Dimensions))
	for _, text := range r.Inputs {
		field(text)
	}
	return sha256.Sum256(buf)
}

// embeddingBody is the JSON that is sent for a request with inputs.
func embeddingBody(r *Request) []byte {
	b := appendText([]byte(`{"model":`), r.Model)
	b = append(b, `,"input":[`...)
	for i, text := range r.Inputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, text)
	}
	b = append(b, ']')
	if r.Dimensions > 0 {
		b = strconv.AppendInt(append(b, `,"dimensions":`...), int64(r.Dimensions), 10)
	}
	return append(b, '}')
}

// vectors is what a response to a request with inputs says. The error, if any,
// is what kept it from being read.
func (c *Client) vectors(r *Request, x *exchange, resp *openai.EmbeddingResponse, err error) (Answer, error) {
	lines := make([]string, len(r.Inputs))
	if err == nil && len(resp.Data) != len(r.Inputs) {
		err = fmt.Errorf("%d vectors for %d texts", len(resp.Data), len(r.Inputs))
	}
	for i := 0; err == nil && i < len(resp.Data); i++ {
		d := &resp.Data[i]
		switch {
		case d.Index < 0 || d.Index >= len(lines) || lines[d.Index] != "":
			err = fmt.Errorf("vectors are numbered wrongly: %d", d.Index)
		case len(d.Embedding) == 0:
			err = errors.New("a vector is empty")
		default:
			lines[d.Index] = EncodeVector(d.Embedding)
		}
	}
	if err != nil {
		return Answer{}, c.failure(r.Model, x, err)
	}
	return Answer{Text: strings.Join(lines, "\n"), FinishReason: "stop", PromptTokens: resp.Usage.PromptTokens, Endpoint: c.endpoint}, nil
}

// EncodeVector writes a vector as an answer's line: base64 of its float32s,
// little-endian.
func EncodeVector(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// DecodeVector reads what EncodeVector wrote, of one number at least, all
// finite.
func DecodeVector(line string) ([]float32, error) {
	raw, err := base64.StdEncoding.DecodeString(line)
	if err != nil || len(raw) == 0 || len(raw)%4 != 0 {
		return nil, fmt.Errorf("no vector: %q", shorten(line))
	}
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		if f := float64(v[i]); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("number %d of a vector is %v", i, f)
		}
	}
	return v, nil
}
