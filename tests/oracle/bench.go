package main

import (
	"fmt"
	"runtime"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
)

// benchBudget is when a chart has been rendered often enough, after benchMinRuns.
const benchBudget = 400 * time.Millisecond

// benchMinRuns is how often a chart is rendered at least.
const benchMinRuns = 3

// benchCase names a chart to render over and over. Values are the texts of the values files, in order.
type benchCase struct {
	Chart       string   `json:"chart"`
	Name        string   `json:"name"`
	Namespace   string   `json:"namespace"`
	KubeVersion string   `json:"kube_version"`
	Values      []string `json:"values"`
	Runs        int      `json:"runs"`
}

// bench gives the fastest of the runs, in nanoseconds. Timed: removing disabled subcharts and importing values,
// merging the values, checking the schema and rendering. Not timed: loading the chart (anew for each run, because
// ProcessDependencies changes it), reading the values files, sorting manifests.
func bench(c benchCase) (int64, error) {
	values := map[string]any{}
	for _, text := range c.Values {
		read, err := common.ReadValues([]byte(text))
		if err != nil {
			return 0, fmt.Errorf("values: %w", err)
		}
		values = loader.MergeMaps(values, read)
	}
	release := common.ReleaseOptions{Name: c.Name, Namespace: c.Namespace, Revision: 1, IsInstall: true}
	caps := common.DefaultCapabilities.Copy()
	if c.KubeVersion != "" {
		version, err := common.ParseKubeVersion(c.KubeVersion)
		if err != nil {
			return 0, err
		}
		caps.KubeVersion = *version
	}
	best := time.Duration(0)
	began := time.Now()
	for run := 0; run < c.Runs && (run < benchMinRuns || time.Since(began) < benchBudget); run++ {
		chrt, err := loader.Load(c.Chart)
		if err != nil {
			return 0, err
		}
		runtime.GC()
		start := time.Now()
		if err := chartutil.ProcessDependencies(chrt, values); err != nil {
			return 0, err
		}
		top, err := util.ToRenderValues(chrt, values, release, caps)
		if err != nil {
			return 0, err
		}
		if _, err := (engine.Engine{}).Render(chrt, top); err != nil {
			return 0, err
		}
		if took := time.Since(start); run == 0 || took < best {
			best = took
		}
	}
	return best.Nanoseconds(), nil
}

func benchAnswer(c benchCase) answer {
	nanos, err := bench(c)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Nanos: nanos}
}
