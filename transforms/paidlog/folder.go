package paidlog

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"foray/llm"
	"foray/transforms/store"
)

// folderWidth is how many first clusters share a folder. It never changes, or
// answers would no longer be found.
const folderWidth = 32

// Answers about texts, and about no clusters, have keys beyond all cluster ids:
// texts + folderWidth·h, where h is the first hex digit of the identity, so
// that no folder gets too large, and none is read for the sake of another.
const texts = 1 << 30

// TextKey is the key of an answer about texts.
func TextKey(id llm.ID) []int32 { return []int32{texts + folderWidth*int32(id[0]>>4)} }

// names is the first id of keys of names of clusters, which follow the texts'.
const names = texts + 16*folderWidth

// NameKey is the key of an answer that names a node of the cluster tree.
func NameKey(node int32) []int32 { return []int32{names, node} }

// folderStart is the first cluster id of the folder that a cluster belongs to.
func folderStart(cluster int32) int32 { return cluster - cluster%folderWidth }

// folderName is, for example, answers/clusters-00032-00063, or answers/texts-a.
func folderName(start int32) string {
	switch {
	case start >= names:
		return Root + "/names"
	case start >= texts:
		return fmt.Sprintf("%s%x", textFolders, (start-texts)/folderWidth)
	}
	return fmt.Sprintf("%s/clusters-%05d-%05d", Root, start, int64(start)+folderWidth-1)
}

// textFolders is what the names of folders with answers about texts begin with.
const textFolders = Root + "/texts-"

// aboutKeys tells whether a part's answers are about keys.
func aboutKeys(name string) bool {
	return !strings.HasPrefix(name, textFolders) && !strings.HasPrefix(name, folderName(names))
}

// folder is what is known of one folder.
type folder struct {
	loading sync.Mutex
	loaded  bool
	answers answers
}

// folder is the loaded folder of a key.
func (l *Log) folder(ctx context.Context, key []int32) (*folder, error) {
	if len(key) == 0 || key[0] < 0 {
		return nil, fmt.Errorf("the paid log has no place for the key %v: want cluster ids from 0", key)
	}
	start := folderStart(key[0])
	l.mu.Lock()
	f := l.folders[start]
	if f == nil {
		f = &folder{}
		l.folders[start] = f
	}
	l.mu.Unlock()

	f.loading.Lock()
	defer f.loading.Unlock()
	if f.loaded {
		return f, nil
	}
	if err := l.load(ctx, start, &f.answers); err != nil {
		return nil, err
	}
	f.loaded = true
	return f, nil
}

// load reads all parts of a folder. A part that cannot be had is an error,
// since its answers would be paid for again; one that is damaged is not.
func (l *Log) load(ctx context.Context, start int32, into *answers) error {
	infos, err := l.bucket.List(ctx, folderName(start)+"/")
	if err != nil {
		return fmt.Errorf("read the paid log: %w", err)
	}
	var names []string // sorted: the lowest name wins
	for _, info := range infos {
		if isPart(info.Name) {
			names = append(names, info.Name)
		}
	}
	parts := make([][]byte, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, name := range names {
		group.Go(func() (err error) {
			parts[i], err = store.Read(ctx, l.bucket, name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("read the paid log: %w", err)
	}
	for i, name := range names {
		if err := readPart(parts[i], into.addBytes); err != nil {
			l.warn("%s is damaged, and its answers will be asked again: %v", name, err)
		}
		parts[i] = nil
	}
	return nil
}

const partSuffix = ".parquet"

func isPart(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "part-") && strings.HasSuffix(base, partSuffix)
}

func partName(start int32, unique string) string {
	return folderName(start) + "/part-" + unique + partSuffix
}
