// The Helm oracle: renders templates with Helm's own engine, in process, for the differential tests of
// plate-deploy-helm (plate-deploy-helm/tests/helm_oracle).
//
// It reads one JSON case per line on standard input and answers one JSON line for each on standard output:
//
//	{"template": "…", "partials": "…", "values": "<YAML>"}  →  {"out": "…"} or {"error": "…"}
//	{"bench": {"chart": "DIR", "runs": 20, …}}  →  {"nanos": fastest run} or {"error": "…"}, for bench-helm
//
// Build it with `go build -o helm-oracle .` and hand its path to the test in PLATE_HELM_ORACLE.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/engine"
)

// renderTimeout is how long one case may take before it counts as failed.
const renderTimeout = 10 * time.Second

type testCase struct {
	Template string            `json:"template"`
	Partials string            `json:"partials"`
	Values   string            `json:"values"`
	Files    map[string]string `json:"files"`
	Bench    *benchCase        `json:"bench"`
}

type answer struct {
	Out   *string `json:"out,omitempty"`
	Error string  `json:"error,omitempty"`
	Nanos int64   `json:"nanos,omitempty"`
}

func files(name, data string) *common.File {
	return &common.File{Name: name, Data: []byte(data)}
}

func render(c testCase) (string, error) {
	values, err := common.ReadValues([]byte(c.Values))
	if err != nil {
		return "", fmt.Errorf("values: %w", err)
	}
	chrt := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "oracle", Version: "1.2.3", AppVersion: "4.5"},
		Templates: []*common.File{files("templates/_p.tpl", c.Partials), files("templates/t.yaml", c.Template)},
	}
	for name, data := range c.Files {
		chrt.Files = append(chrt.Files, files(name, data))
	}
	release := common.ReleaseOptions{Name: "rel", Namespace: "ns", Revision: 1, IsInstall: true}
	caps := common.DefaultCapabilities.Copy()
	caps.KubeVersion = common.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	top, err := util.ToRenderValues(chrt, values, release, caps)
	if err != nil {
		return "", err
	}
	out, err := engine.Engine{}.Render(chrt, top)
	if err != nil {
		return "", err
	}
	return out["oracle/templates/t.yaml"], nil
}

func guarded(c testCase) answer {
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- answer{Error: fmt.Sprintf("panic: %v", r)}
			}
		}()
		out, err := render(c)
		if err != nil {
			done <- answer{Error: err.Error()}
			return
		}
		done <- answer{Out: &out}
	}()
	select {
	case a := <-done:
		return a
	case <-time.After(renderTimeout):
		return answer{Error: "oracle: timeout"}
	}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for in.Scan() {
		var c testCase
		a := answer{}
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			a.Error = "oracle: " + err.Error()
		} else if c.Bench != nil {
			a = benchAnswer(*c.Bench)
		} else {
			a = guarded(c)
		}
		if err := encoder.Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		// The caller waits for each answer before it sends more than a few cases.
		if err := out.Flush(); err != nil {
			os.Exit(1)
		}
	}
}
