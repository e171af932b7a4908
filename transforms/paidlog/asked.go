package paidlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go"

	"foray/transforms/store"
)

// Asked are the keys that a model was asked about, whatever the prompt was.
type Asked map[string]struct{}

// Asked reads which keys a model was asked about by earlier runs.
func (l *Log) Asked(ctx context.Context, model string) (Asked, error) {
	infos, err := l.bucket.List(ctx, Root+"/")
	if err != nil {
		return nil, fmt.Errorf("read the paid log: %w", err)
	}
	asked := Asked{}
	for _, info := range infos {
		if !isPart(info.Name) || !aboutKeys(info.Name) {
			continue
		}
		data, err := store.Read(ctx, l.bucket, info.Name)
		if err != nil {
			return nil, fmt.Errorf("read the paid log: %w", err)
		}
		if err := asked.add(data, model); err != nil {
			l.warn("%s is damaged: %v", info.Name, err)
		}
	}
	return asked, nil
}

// Holds tells whether a key was asked about.
func (a Asked) Holds(key []int32) bool {
	_, ok := a[string(packKey(nil, key))]
	return ok
}

func packKey(to []byte, key []int32) []byte {
	for _, c := range key {
		to = binary.LittleEndian.AppendUint32(to, uint32(c))
	}
	return to
}

// add adds the keys of a part.
func (a Asked) add(part []byte, model string) (err error) {
	// A damaged file may trip the decoder in ways that it does not expect.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("not a valid Parquet file: %v", p)
		}
	}()
	rows, err := parquet.Read[struct {
		Key   []int32 `parquet:"key,list"`
		Model string  `parquet:"model,dict"`
	}](bytes.NewReader(part), int64(len(part)))
	var packed []byte
	for _, row := range rows {
		if row.Model == model {
			packed = packKey(packed[:0], row.Key)
			a[string(packed)] = struct{}{}
		}
	}
	return err
}
