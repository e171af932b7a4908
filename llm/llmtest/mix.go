package llmtest

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is what becomes of a call that would have had this good reply.
type Fault func(c Call, good Reply) Reply

// Share is a share of all calls, in [0, 1], and what becomes of them.
type Share struct {
	Of    float64
	Name  string
	Fault Fault
}

// Mix answers as the shares say, and all other calls with good. What becomes
// of a call depends on the seed, its prompt and how often that was asked, so
// it is the same whichever order calls come in.
func Mix(seed uint64, good func(Call) Reply, shares ...Share) func(Call) Reply {
	return func(c Call) Reply {
		draw := draw(seed, c)
		for _, s := range shares {
			if draw < s.Of {
				return s.Fault(c, good(c))
			}
			draw -= s.Of
		}
		return good(c)
	}
}

// draw is a number in [0, 1).
func draw(seed uint64, c Call) float64 {
	h := fnv.New64a()
	h.Write([]byte(c.Prompt))
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(c.Of)))
	return rand.New(rand.NewPCG(seed, h.Sum64())).Float64()
}

// always is a fault that is the same for all calls.
func always(reply func() Reply) Fault {
	return func(Call, Reply) Reply { return reply() }
}

// Faults are what can go wrong, by name.
var Faults = map[string]Fault{
	"slow":        func(_ Call, good Reply) Reply { return Slow(5*time.Second, good) },
	"429":         always(func() Reply { return RateLimited("") }),
	"429-seconds": always(func() Reply { return RateLimited("1") }),
	"429-date":    always(func() Reply { return RateLimitedUntil(time.Now().Add(2 * time.Second)) }),
	"500":         always(ServerError),
	"503":         always(Unavailable),
	"hang":        always(Hang),
	"reset":       func(_ Call, good Reply) Reply { good.Reset = true; return good },
	"truncated":   func(_ Call, good Reply) Reply { good.Truncate = true; return good },
	"200-error":   always(func() Reply { return HiddenError("overloaded", "try later") }),
	"no-choices":  always(NoChoices),
	"wrong-json":  always(WrongJSON),
	"junk":        always(Junk),
	"from-key":    func(c Call, _ Reply) Reply { return FromKey(c) },
	"1mb":         always(func() Reply { return Huge(1 << 20) }),
	"drip":        func(_ Call, good Reply) Reply { return Dripping(time.Second, good) },
	"quota":       always(SpentQuota),
}

// FaultNames are the names of Faults, sorted.
func FaultNames() []string { return slices.Sorted(maps.Keys(Faults)) }

// ParseShares reads shares of Faults, such as "429=0.05,hang=0.005". They sum
// up to at most 1.
func ParseShares(text string) ([]Share, error) {
	var shares []Share
	sum := 0.0
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		fault, ok := Faults[name]
		if !ok {
			return nil, fmt.Errorf("no fault %q: there are %s", name, strings.Join(FaultNames(), ", "))
		}
		of, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(of >= 0 && of <= 1) {
			return nil, fmt.Errorf("the share of %s is %q: give a number from 0 to 1", name, value)
		}
		if sum += of; sum > 1+1e-9 {
			return nil, fmt.Errorf("the shares up to %s sum up to %g, which is more than 1", name, sum)
		}
		shares = append(shares, Share{of, name, fault})
	}
	return shares, nil
}
