package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// The elements of CycloneDX 1.5 (ECMA-424) that are used. There is no time and no random number in it: the same release
// has the same SBOM.
type (
	document struct {
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type    string     `json:"type"`
		Ref     string     `json:"bom-ref"`
		Name    string     `json:"name"`
		Version string     `json:"version,omitempty"`
		PURL    string     `json:"purl,omitempty"`
		Hashes  []hash     `json:"hashes,omitempty"`
		About   []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// materials is the SBOM of programs: each of them a component that depends on the modules that its own build information
// names, and on Go's standard library.
func materials(version string, programs []string) ([]byte, error) {
	main := component{Type: "application", Ref: "maillab", Name: "maillab", Version: version}
	out := document{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{main}}
	modules := map[string]component{}
	root := dependency{Ref: main.Ref, DependsOn: []string{}}
	for _, path := range programs {
		program, needs, err := materialsOf(path, version)
		if err != nil {
			return nil, err
		}
		out.Components = append(out.Components, program)
		root.DependsOn = append(root.DependsOn, program.Ref)
		d := dependency{Ref: program.Ref}
		for _, m := range needs {
			modules[m.Ref] = m
			d.DependsOn = append(d.DependsOn, m.Ref)
		}
		slices.Sort(d.DependsOn)
		out.Dependencies = append(out.Dependencies, d)
	}
	out.Dependencies = append([]dependency{root}, out.Dependencies...)
	out.Components = append(out.Components, slices.SortedFunc(maps.Values(modules), func(a, b component) int {
		return cmp.Compare(a.Ref, b.Ref)
	})...)
	text, err := json.MarshalIndent(out, "", "  ")
	return append(text, '\n'), err
}

// materialsOf reads one program's build information.
func materialsOf(path, version string) (program component, needs []component, err error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return program, nil, fmt.Errorf("build information of %s: %w", path, err)
	}
	sum, err := sumOf(path)
	if err != nil {
		return program, nil, err
	}
	name := filepath.Base(path)
	program = component{
		Type: "application", Ref: "file:" + name, Name: name, Version: version, Hashes: []hash{{"SHA-256", sum}},
	}
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" {
			program.About = append(program.About, property{"go:" + strings.ToLower(s.Key), s.Value})
		}
	}
	needs = []component{{Type: "library", Ref: "pkg:golang/std@" + goVersion(info), Name: "std",
		Version: goVersion(info), PURL: "pkg:golang/std@" + goVersion(info)}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		needs = append(needs, library(m))
	}
	return program, needs, nil
}

func goVersion(info *debug.BuildInfo) string { return strings.TrimPrefix(info.GoVersion, "go") }

// library is a module. Go's own checksum (h1) is a SHA-256 over the list of its files' checksums: it is told as what it
// is, not as a hash of an archive.
func library(m *debug.Module) component {
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == sha256.Size {
		c.About = []property{{"go:h1", hex.EncodeToString(sum)}}
	}
	return c
}
