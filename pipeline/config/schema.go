package config

import (
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
)

// JSONSchema describes jobs.yaml for editors, as JSON Schema 2020-12. It follows
// from what the resources declare.
func JSONSchema(drivers []load.Driver) map[string]any {
	jobs := map[string]any{}
	for _, r := range catalog.All() {
		jobs[r.Name] = map[string]any{"allOf": []any{ref("job"), map[string]any{
			"properties": map[string]any{"options": optionsSchema(r)},
		}}}
	}
	return map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"$id":                  "https://github.com/tracklake/tracklake/docs/jobs.schema.json",
		"title":                "Tracklake jobs.yaml",
		"type":                 "object",
		"additionalProperties": false,
		"properties": map[string]any{
			"timezone":    text("Time zone of the schedules, like Europe/Stockholm; UTC when it is not given."),
			"token_store": map[string]any{"type": "string", "default": TokensInFiles, "description": "Where connected accounts are kept: file, which is a folder of your own, or, encrypted, the database of the destination of that name."},
			"developer":   text("Name of the Spotify developer whose client IDs are counted together; without it, each client ID is counted by itself."),
			"budgets": map[string]any{
				"type": "object", "additionalProperties": map[string]any{"type": "integer", "minimum": 0},
				"description": "Requests in 24 hours by bucket of the rate limit, like artists/albums: 80; 0 for no limit.",
			},
			"destinations": map[string]any{"type": "object", "additionalProperties": ref("destination")},
			"jobs": map[string]any{
				"type": "object", "properties": jobs, "additionalProperties": ref("job"),
				"description": "What to export. A job is named after its resource, unless it says resource.",
			},
		},
		"$defs": map[string]any{"destination": destinationSchema(drivers), "job": jobSchema()},
	}
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

func text(doc string) map[string]any {
	return map[string]any{"type": "string", "description": doc}
}

func words(doc string, allowed []string) map[string]any {
	return map[string]any{
		"type": "array", "description": doc, "minItems": 1, "uniqueItems": true,
		"items": map[string]any{"enum": allowed},
	}
}

func destinationSchema(drivers []load.Driver) map[string]any {
	var types []any
	for _, d := range drivers {
		types = append(types, map[string]any{
			"type": "object", "additionalProperties": false, "required": []string{"type", d.Setting},
			"properties": map[string]any{"type": map[string]any{"const": d.Type}, d.Setting: text(d.Doc)},
		})
	}
	return map[string]any{"oneOf": types}
}

func jobSchema() map[string]any {
	return map[string]any{
		"type": "object", "required": []string{"destinations"},
		"properties": map[string]any{
			"resource":     map[string]any{"enum": resourceNames(), "description": "What to export, when the job is not named after it."},
			"schedule":     text("Cron line: minute, hour, day of the month, month, day of the week."),
			"full_every":   map[string]any{"type": "string", "pattern": "^[0-9]+[dh]$", "description": "Time between two full syncs of a list that is otherwise synced incrementally: a number of days or hours, like 7d."},
			"destinations": map[string]any{"type": "array", "minItems": 1, "uniqueItems": true, "items": map[string]any{"type": "string"}},
			"options":      map[string]any{"type": "object"},
		},
	}
}

func optionsSchema(r *catalog.Resource) map[string]any {
	properties := map[string]any{}
	for _, o := range r.Options {
		switch o.Kind {
		case catalog.Words:
			properties[o.Name] = words(o.Doc, o.Allowed)
		case catalog.Number:
			properties[o.Name] = map[string]any{"type": "integer", "minimum": o.Least, "maximum": o.Most, "default": o.Number, "description": o.Doc}
		case catalog.Chosen:
			properties[o.Name] = map[string]any{
				"type": "object", "description": o.Doc, "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
				"properties": map[string]any{
					"from": words("Resources whose tables name each "+r.Parents.Noun+".", r.Sources()),
					"ids":  map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"type": "string"}},
				},
			}
		}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
