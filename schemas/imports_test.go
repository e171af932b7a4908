package schemas_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// layer is a package's height: it may import lower layers, and its own.
func layer(path string) int {
	switch {
	case strings.HasPrefix(path, "foray/schemas"), strings.HasPrefix(path, "foray/llm"):
		return 0
	case strings.HasPrefix(path, "foray/transforms"):
		return 1
	case strings.HasPrefix(path, "foray/pipelines"):
		return 2
	}
	return 3 // testdata and scripts may use all of it
}

func TestImportDirection(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "foray/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var p struct {
			ImportPath string
			Imports    []string
			Deps       []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, "foray/") {
				continue
			}
			switch {
			case layer(imported) > layer(p.ImportPath):
				t.Errorf("%s imports %s: imports run pipelines → transforms → llm, schemas, never back", p.ImportPath, imported)
			case p.ImportPath == "foray/schemas":
				t.Errorf("schemas imports %s: it imports nothing of ours", imported)
			}
		}
		if !strings.HasPrefix(p.ImportPath, "foray/llm") {
			continue
		}
		for _, dep := range p.Deps {
			for _, heavy := range []string{"github.com/apache/beam/", "github.com/parquet-go/", "foray/transforms", "foray/schemas"} {
				if strings.HasPrefix(dep, heavy) {
					t.Errorf("%s depends on %s: what llm needs of storage is an interface that it defines", p.ImportPath, dep)
				}
			}
		}
	}
	if packages < 20 {
		t.Errorf("only %d packages were looked at", packages)
	}
}
