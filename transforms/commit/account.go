package commit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"foray/schemas"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// runsFolder holds one folder a command, with what its stages had to say.
const runsFolder = "_runs"

// Account is what a stage did, kept as _runs/VERSION/STAGE.json.
type Account struct {
	Stage   string
	Version string
	// Exit is 0, or the exit code that Message gives the reason for.
	Exit    int
	Message string
	Tally   Tally
	// Tables are the finished versions, by table; Published those of them
	// that CURRENT was moved to.
	Tables    map[string]schemas.Manifest
	Published []string
	// Rejects is the number of rejected rows, RejectFiles where they are, and
	// Faults what is wrong with those that were read, most rows first.
	Rejects     int64
	RejectFiles []string `json:",omitempty"`
	Faults      []Fault  `json:",omitempty"`
	Ended       time.Time
}

func accountName(version, stage string) string { return path.Join(runsFolder, version, stage+".json") }
func rejectsName(version, stage string) string {
	return path.Join(runsFolder, version, stage+".rejects"+tables.Ext)
}

// NoteName is the name of a file that a stage's launcher leaves for its workers.
// It goes with the account.
func NoteName(version, stage, what string) string {
	return path.Join(runsFolder, version, stage+"."+what)
}

// ReadAccount reads the account of a stage of the command that writes version.
func ReadAccount(ctx context.Context, b store.Bucket, version, stage string) (Account, error) {
	var a Account
	data, err := store.Read(ctx, b, accountName(version, stage))
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("%s is damaged: %w", b.URL(accountName(version, stage)), err)
	}
	return a, nil
}

// WriteAccount keeps the account of a stage, and its rejects for WriteRejects.
func WriteAccount(ctx context.Context, b store.Bucket, a Account, rejects []schemas.Reject) error {
	slices.SortFunc(rejects, func(x, y schemas.Reject) int {
		return cmp.Or(compareSources(x.Source, y.Source), cmp.Compare(x.Reason, y.Reason), cmp.Compare(x.Raw, y.Raw))
	})
	if len(rejects) > 0 {
		err := b.Put(ctx, rejectsName(a.Version, a.Stage), store.Always, encodeRows(rejects))
		if err != nil {
			return err
		}
		a.RejectFiles = append(a.RejectFiles, rejectsName(a.Version, a.Stage))
	}
	a.Ended = time.Now().UTC()
	a.Rejects += int64(len(rejects))
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return store.Write(ctx, b, accountName(a.Version, a.Stage), append(data, '\n'))
}

// compareSources orders file:2 before file:10.
func compareSources(a, b string) int {
	aFile, aLine := cutLine(a)
	bFile, bLine := cutLine(b)
	return cmp.Or(cmp.Compare(aFile, bFile), cmp.Compare(len(aLine), len(bLine)), cmp.Compare(aLine, bLine))
}

// cutLine parts file:line; what has no colon is all file.
func cutLine(source string) (file, line string) {
	if i := strings.LastIndexByte(source, ':'); i >= 0 {
		return source[:i], source[i+1:]
	}
	return source, ""
}

// WriteRejects makes and publishes the version of rejects/ of a command, of
// what its stages kept. Done once a command, when it ends, well or not.
func WriteRejects(ctx context.Context, b store.Bucket, version string) error {
	infos, err := b.List(ctx, path.Join(runsFolder, version)+"/")
	if err != nil {
		return err
	}
	var files []string
	for _, info := range infos {
		if stage, ok := strings.CutSuffix(path.Base(info.Name), ".json"); ok {
			account, err := ReadAccount(ctx, b, version, stage)
			if err != nil {
				return err
			}
			files = append(files, account.RejectFiles...)
		}
	}
	counts := map[string]int64{}
	r, err := store.WriteAttempt(ctx, b, schemas.RejectsTable, version, 0, 1, tables.Ext, func(w io.Writer) (n int64, err error) {
		out := tables.NewWriter[schemas.Reject](w)
		err = rejectFiles(ctx, b, files, func(rows []schemas.Reject) error {
			for _, row := range rows {
				counts[row.Stage]++
			}
			n += int64(len(rows))
			return out.Write(rows)
		})
		return n, errors.Join(err, out.Close())
	})
	if err != nil {
		return err
	}
	m := schemas.Manifest{Table: schemas.RejectsTable, Version: version, CreatedAt: time.Now().UTC(), Counts: counts}
	if _, err := store.Commit(ctx, b, m, []store.Receipt{r}); err != nil {
		return err
	}
	return store.Point(ctx, b, schemas.RejectsTable, version)
}

// RetainRuns deletes the accounts of all but the newest keep commands.
func RetainRuns(ctx context.Context, b store.Bucket, keep int) error {
	infos, err := b.List(ctx, runsFolder+"/")
	if err != nil {
		return err
	}
	var versions []string
	of := func(name string) string {
		v, _, _ := strings.Cut(strings.TrimPrefix(name, runsFolder+"/"), "/")
		return v
	}
	for _, info := range infos {
		if v := of(info.Name); len(versions) == 0 || versions[len(versions)-1] != v {
			versions = append(versions, v)
		}
	}
	if len(versions) <= keep {
		return nil
	}
	var errs []error
	for _, info := range infos {
		if of(info.Name) < versions[len(versions)-keep] {
			errs = append(errs, b.Remove(ctx, info.Name))
		}
	}
	return errors.Join(errs...)
}

func encodeRows(rows []schemas.Reject) func(io.Writer) error {
	return func(w io.Writer) error { return tables.Encode(w, rows) }
}
