package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tracklake/tracklake/pipeline/config"
)

// beyondTheSchema lists the problems that the parser finds and no JSON Schema can
// describe, with the reason. Whatever else one of them refuses, the other does.
func beyondTheSchema() map[string]string {
	return map[string]string{
		`^is not valid YAML`:                            "a schema sees the values of a file that is YAML",
		`^needs exactly one YAML document`:              "a schema sees one document",
		`is given twice$`:                               "a schema sees each key once",
		`merge keys \(<<\) are not supported$`:          "a schema sees merged mappings",
		`^unknown time zone`:                            "the names are those of a database that changes",
		`beyond end of range`:                           "a pattern does not compare numbers",
		`never comes`:                                   "a pattern has no calendar",
		`needs \w+, which is not set`:                   "a schema does not see the environment",
		`unknown destination `:                          "it relates jobs to destinations",
		`unknown token_store `:                          "it relates token_store to destinations",
		`^destinations \S+ and \S+ have the same`:       "it relates destinations to each other",
		`^jobs \S+ and \S+ would both write`:            "it relates jobs to each other",
		`^job \S+ takes its .* but no job exports that`: "it relates jobs to each other",
	}
}

func isBeyond(problem string) bool {
	for expression := range beyondTheSchema() {
		if regexp.MustCompile(expression).MatchString(problem) {
			return true
		}
	}
	return false
}

// schemaOf compiles the schema, which checks it against that of JSON Schema.
var schemaOf = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := json.Marshal(config.JSONSchema(drivers()))
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(config.SchemaURL, document); err != nil {
		return nil, err
	}
	return c.Compile(config.SchemaURL)
})

// parse parses a file, and holds the JSON Schema to what the parser says.
func parse(t *testing.T, text string, variables map[string]string) (*config.Config, error) {
	t.Helper()
	c, err := config.Parse("jobs.yaml", []byte(text), lookup(variables), drivers())
	refusal := validate(t, text)
	var problems *config.Error
	switch {
	case err != nil && !errors.As(err, &problems):
		t.Fatalf("error = %v, want an Error", err)
	case err == nil && refusal != nil:
		t.Errorf("the schema refuses what the parser accepts: %v\n%s", refusal, text)
	case err != nil && refusal == nil && !slices.ContainsFunc(problems.Problems, func(p config.Problem) bool { return isBeyond(p.Message) }):
		t.Errorf("the schema accepts what the parser refuses: %v\n%s", err, text)
	}
	return c, err
}

// validate checks a file as an editor does. It knows nothing of what is not YAML.
func validate(t *testing.T, text string) error {
	t.Helper()
	schema, err := schemaOf()
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil
	}
	return schema.Validate(value)
}

// validFiles have, together, every key of jobs.yaml.
func validFiles() map[string]string {
	return map[string]string{
		"settings": `
timezone: Europe/Stockholm
token_store: warehouse
developer: me
budgets: {artists/albums: 60, playlists/items: 0}
destinations:
  lake: {type: parquet, path: ./data}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  saved_tracks: {destinations: [lake, warehouse]}
`,
		"jobs": `
destinations:
  lake: {type: parquet, path: ./data}
jobs:
  saved_tracks:
    schedule: "15 3 * * *"
    full_every: 7d
    destinations: [lake]
  best:
    resource: top_tracks
    schedule: "0 0-12/2 1,15 jan-JUN sun"
    destinations: [lake]
    options: {time_ranges: [short_term, medium_term], max_rank: 50}
  plays:
    destinations: [lake]
    options:
`,
		"options": `
destinations:
  lake: {type: parquet, path: ./data}
  pond: {type: parquet, path: ./pond}
jobs:
  saved_tracks: {destinations: [lake]}
  top_tracks:
    destinations: [lake]
    options: {time_ranges: [long_term], max_rank: 50}
  artist_albums:
    destinations: [lake]
    options: {artists: {from: [saved_tracks, top_tracks]}, include_groups: [album]}
  discography:
    resource: artist_albums
    destinations: [pond]
    options: {artists: {ids: ["spotify:artist:0TnOYISbd1XYRBk9myaseg", 4Z8W4fKeB5YxbusRsdQVPb]}}
`,
	}
}

// TestSchemaAgreesWithParser changes each part of valid files in each way of a list,
// and wants the parser and the schema to say the same of the result: a part misspelled,
// left out, of another type, or of a value nobody knows. The parser says it once.
func TestSchemaAgreesWithParser(t *testing.T) {
	t.Parallel()
	for name, text := range validFiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variables := map[string]string{"DATABASE_URL": "postgres://db/x", "ARTIST": "2CIMQHirSU0MQqyYHq0eOx"}
			if _, err := parse(t, text, variables); err != nil {
				t.Fatal(err)
			}
			var file any
			if err := yaml.Unmarshal([]byte(text), &file); err != nil {
				t.Fatal(err)
			}
			accepted, refused := 0, 0
			mutate(file, func(changed any) {
				text, err := json.Marshal(changed)
				if err != nil {
					t.Fatal(err)
				}
				_, err = parse(t, string(text), variables)
				var problems *config.Error
				if !errors.As(err, &problems) {
					accepted++
					return
				}
				refused++
				own := slices.DeleteFunc(slices.Clone(problems.Problems), func(p config.Problem) bool { return isBeyond(p.Message) })
				if len(own) > 1 {
					t.Errorf("one mistake has %d messages:\n%v\n%s", len(own), err, text)
				}
			})
			if accepted < 10 || refused < 150 {
				t.Errorf("%d changed files are valid, and %d are not: too few to say much", accepted, refused)
			}
		})
	}
}

// wrong are values that are wrong in most places, or under one key.
func wrong(key string) []any {
	out := []any{nil, true, 7, 7.5, "7", "", " ", "nonsense", []any{}, []any{"nonsense"}, []any{7}, map[string]any{}, map[string]any{"nonsense": "x"}}
	of := map[string][]any{
		"schedule":       {"a b", "60 0 * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 7", "0 5-3 * * *", "0 0 30 2 *", "1,,2 0 * * *", "*/0 * * * *", " @daily", "@every 1h", "TZ=UTC 0 0 * * *", " 0  0 * * * ", "07 0 * * ?", "${NONSENSE}"},
		"full_every":     {"7w", "99999d", "+7d", "7d ", "07h", "${NONSENSE}"},
		"max_rank":       {0, -1, 7.0, 10_000, 10_001, "${NONSENSE}"},
		"artists/albums": {0, -1, 7.0, 1e6, 1e6 + 1, 1e30},
		"path":           {"${NONSENSE}", "~/data"},
		"timezone":       {"${NONSENSE}", "Local", "UTC"},
		"developer":      {"${NONSENSE}"},
		"token_store":    {"file", "lake", "${NONSENSE}"},
		"ids":            {[]any{"https://open.spotify.com/artist/4Z8W4fKeB5YxbusRsdQVPb?si=1"}, []any{"4Z8W4fKeB5YxbusRsdQVP"}, []any{"${ARTIST}"}, []any{"spotify:artist:${ARTIST}"}, []any{"${NONSENSE}"}},
	}
	return append(out, of[key]...)
}

// mutate calls try for each change of each part of a value. The part is as it was
// afterwards.
func mutate(whole any, try func(any)) {
	var visit func(key string, part any, set func(any))
	visit = func(key string, part any, set func(any)) {
		for _, value := range wrong(key) {
			set(value)
			try(whole)
		}
		set(part)
		switch part := part.(type) {
		case map[string]any:
			part["nonsense"] = "x"
			try(whole)
			delete(part, "nonsense")
			for _, key := range slices.Sorted(maps.Keys(part)) {
				value := part[key]
				delete(part, key)
				try(whole)
				for _, name := range []string{key + "x", key[1:], key + " "} {
					part[name] = value
					try(whole)
					delete(part, name)
				}
				part[key] = value
				visit(key, value, func(v any) { part[key] = v })
			}
		case []any:
			for i, value := range part {
				visit("", value, func(v any) { part[i] = v })
				if len(part) > 1 && i > 0 {
					part[i] = part[0] // twice
					try(whole)
					part[i] = value
				}
			}
		case string:
			set(part + "x")
			try(whole)
			set(part)
		}
	}
	visit("", whole, func(v any) {
		if v != nil {
			try(v)
		}
	})
}
