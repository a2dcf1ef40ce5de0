// schema-gen writes the two data files of plate-deploy-apiserver/src/scheme: the built-in resources that a
// default kube-apiserver serves, and the fields of their types.
//
// Facts come from two places: the Go types of k8s.io/api (names, Go types, omitempty, pointers) by reflection,
// and the published OpenAPI documents of k8s.io/kubernetes (list types, patch strategies, defaults).
//
// Run:  go run . <dir of k8s.io/kubernetes> <output dir>
// The formats are described in plate-deploy-apiserver/src/scheme/data.rs.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

type property struct {
	ListType      string          `json:"x-kubernetes-list-type"`
	ListMapKeys   []string        `json:"x-kubernetes-list-map-keys"`
	MapType       string          `json:"x-kubernetes-map-type"`
	PatchStrategy string          `json:"x-kubernetes-patch-strategy"`
	PatchKey      string          `json:"x-kubernetes-patch-merge-key"`
	Default       json.RawMessage `json:"default"`
}

type definition struct {
	MapType    string              `json:"x-kubernetes-map-type"`
	Required   []string            `json:"required"`
	Properties map[string]property `json:"properties"`
}

type generator struct {
	defs  map[string]definition
	seen  map[reflect.Type]bool
	queue []reflect.Type
	out   []string
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: schema-gen <k8s.io/kubernetes dir> <output dir>")
		os.Exit(2)
	}
	kube, out := os.Args[1], os.Args[2]
	g := &generator{defs: loadDefinitions(kube), seen: map[reflect.Type]bool{}}
	all := runtime.NewScheme()
	check(scheme.AddToScheme(all))
	check(apiextensionsv1.AddToScheme(all))
	check(apiregistrationv1.AddToScheme(all))

	var resources []string
	for _, line := range loadDiscovery(kube) {
		gvk := schema.GroupVersionKind{Group: line.group, Version: line.version, Kind: line.kind}
		obj, err := all.New(gvk)
		check(err)
		t := reflect.TypeOf(obj).Elem()
		g.need(t)
		resources = append(resources, line.text+"\t"+typeName(t))
	}
	for _, o := range []any{metav1.DeleteOptions{}, metav1.Status{}, metav1.LabelSelector{}} {
		g.need(reflect.TypeOf(o))
	}
	g.run()
	write(filepath.Join(out, "resources.txt.gz"), resources)
	write(filepath.Join(out, "types.txt.gz"), g.out)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "schema-gen:", err)
		os.Exit(1)
	}
}

func write(path string, lines []string) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	check(err)
	_, err = w.Write([]byte(strings.Join(lines, "\n") + "\n"))
	check(err)
	check(w.Close())
	check(os.WriteFile(path, b.Bytes(), 0o644))
	fmt.Println(path, len(lines), "lines", b.Len(), "bytes")
}

func loadDefinitions(kube string) map[string]definition {
	files, err := filepath.Glob(filepath.Join(kube, "api/openapi-spec/v3/*.json"))
	check(err)
	defs := map[string]definition{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		check(err)
		var doc struct {
			Components struct {
				Schemas map[string]definition `json:"schemas"`
			} `json:"components"`
		}
		check(json.Unmarshal(raw, &doc))
		for name, d := range doc.Components.Schemas {
			defs[name] = d
		}
	}
	return defs
}

type resourceLine struct{ group, version, kind, text string }

// loadDiscovery reads the legacy discovery documents; only stable versions are on by default.
func loadDiscovery(kube string) []resourceLine {
	dir := filepath.Join(kube, "api/discovery")
	var groups metav1.APIGroupList
	readJSON(filepath.Join(dir, "apis.json"), &groups)
	gvs := []string{"v1"}
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			if !strings.Contains(v.Version, "alpha") && !strings.Contains(v.Version, "beta") {
				gvs = append(gvs, v.GroupVersion)
			}
		}
	}
	var out []resourceLine
	for _, gv := range gvs {
		file := "api__v1.json"
		parsed, err := schema.ParseGroupVersion(gv)
		check(err)
		if parsed.Group != "" {
			file = "apis__" + parsed.Group + "__" + parsed.Version + ".json"
		}
		var list metav1.APIResourceList
		readJSON(filepath.Join(dir, file), &list)
		for _, r := range list.APIResources {
			group, version := parsed.Group, parsed.Version
			kg, kv := group, version
			if r.Version != "" {
				kg, kv = r.Group, r.Version
			}
			ns := "0"
			if r.Namespaced {
				ns = "1"
			}
			text := strings.Join([]string{group, version, r.Name, r.SingularName, r.Kind, kg, kv, ns,
				strings.Join(r.ShortNames, ","), strings.Join(r.Categories, ","), strings.Join(r.Verbs, ",")}, "\t")
			out = append(out, resourceLine{kg, kv, r.Kind, text})
		}
	}
	return out
}

func readJSON(path string, into any) {
	raw, err := os.ReadFile(path)
	check(err)
	check(json.Unmarshal(raw, into))
}

// typeName is "apps/v1.Deployment": the Go package without what all have in common.
func typeName(t reflect.Type) string {
	p := t.PkgPath()
	for _, prefix := range []string{"k8s.io/api/", "k8s.io/apimachinery/pkg/apis/", "k8s.io/apiextensions-apiserver/pkg/apis/",
		"k8s.io/kube-aggregator/pkg/apis/", "k8s.io/apimachinery/pkg/"} {
		if strings.HasPrefix(p, prefix) {
			p = strings.TrimPrefix(p, prefix)
			break
		}
	}
	return p + "." + t.Name()
}

// definitionName is the name the OpenAPI document has for a Go type.
func definitionName(t reflect.Type) string {
	parts := strings.Split(t.PkgPath(), "/")
	host := strings.Split(parts[0], ".")
	for i, j := 0, len(host)-1; i < j; i, j = i+1, j-1 {
		host[i], host[j] = host[j], host[i]
	}
	return strings.Join(append(host, parts[1:]...), ".") + "." + t.Name()
}

func (g *generator) need(t reflect.Type) {
	if !g.seen[t] {
		g.seen[t] = true
		g.queue = append(g.queue, t)
	}
}

func (g *generator) run() {
	blocks := map[string][]string{}
	for len(g.queue) > 0 {
		t := g.queue[0]
		g.queue = g.queue[1:]
		def := g.defs[definitionName(t)]
		head := "@" + typeName(t)
		if def.MapType == "atomic" {
			head += "\ta"
		}
		blocks[typeName(t)] = append([]string{head}, g.fields(t, def)...)
	}
	names := make([]string, 0, len(blocks))
	for n := range blocks {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		g.out = append(g.out, blocks[n]...)
	}
}

func (g *generator) fields(t reflect.Type, def definition) []string {
	required := map[string]bool{}
	for _, r := range def.Required {
		required[r] = true
	}
	var out []string
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag := strings.Split(f.Tag.Get("json"), ",")
		if tag[0] == "-" || (!f.IsExported() && !f.Anonymous) {
			continue
		}
		if f.Anonymous && tag[0] == "" {
			inner := f.Type
			for inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			innerDef := g.defs[definitionName(inner)]
			merged := definition{Required: append(innerDef.Required, def.Required...), Properties: map[string]property{}}
			for k, v := range innerDef.Properties {
				merged.Properties[k] = v
			}
			for k, v := range def.Properties {
				merged.Properties[k] = v
			}
			out = append(out, g.fields(inner, merged)...)
			continue
		}
		name := tag[0]
		if name == "" {
			continue
		}
		line := []string{name, g.typeText(f.Type)}
		for _, o := range tag[1:] {
			switch o {
			case "omitempty":
				line = append(line, "o")
			case "omitzero":
				line = append(line, "z")
			}
		}
		if required[name] {
			line = append(line, "r")
		}
		line = append(line, attributes(def.Properties[name])...)
		out = append(out, strings.Join(line, "\t"))
	}
	return out
}

func attributes(p property) []string {
	var out []string
	switch p.ListType {
	case "set":
		out = append(out, "l=set")
	case "map":
		out = append(out, "l=map:"+strings.Join(p.ListMapKeys, ","))
	case "atomic":
		out = append(out, "l=atomic")
	}
	if p.MapType == "atomic" {
		out = append(out, "a")
	}
	if p.PatchStrategy != "" || p.PatchKey != "" {
		out = append(out, "p="+p.PatchStrategy+":"+p.PatchKey)
	}
	switch d := strings.TrimSpace(string(p.Default)); d {
	case "", "{}", `""`, "0", "false", "null":
	default:
		var compact bytes.Buffer
		check(json.Compact(&compact, p.Default))
		out = append(out, "d="+compact.String())
	}
	return out
}

var special = map[string]string{
	"api/resource.Quantity":                         "q",
	"util/intstr.IntOrString":                       "x",
	"meta/v1.Time":                                  "t",
	"meta/v1.MicroTime":                             "m",
	"meta/v1.Duration":                              "d",
	"meta/v1.FieldsV1":                              "j",
	"runtime.RawExtension":                          "j",
	"runtime.Object":                                "j",
	"apiextensions/v1.JSON":                         "j",
	"apiextensions/v1.JSONSchemaPropsOrBool":        "j",
	"apiextensions/v1.JSONSchemaPropsOrArray":       "j",
	"apiextensions/v1.JSONSchemaPropsOrStringArray": "j",
}

// typeText writes a Go type: prefixes * [ { for pointer, list and map, then a scalar letter or #Struct.
func (g *generator) typeText(t reflect.Type) string {
	if s, ok := special[typeName(t)]; ok && t.PkgPath() != "" {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + g.typeText(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		return "[" + g.typeText(t.Elem())
	case reflect.Map:
		return "{" + g.typeText(t.Elem())
	case reflect.Struct:
		g.need(t)
		return "#" + typeName(t)
	case reflect.String:
		if t.PkgPath() != "" {
			p := strings.Split(t.PkgPath(), "/")
			return "s:" + p[len(p)-1] + "." + t.Name()
		}
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int32:
		return "i32"
	case reflect.Int64, reflect.Int:
		return "i64"
	case reflect.Uint16, reflect.Uint32:
		return "u32"
	case reflect.Float64:
		return "f64"
	case reflect.Interface:
		return "j"
	}
	check(fmt.Errorf("no text for Go type %v", t))
	return ""
}
