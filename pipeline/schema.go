package pipeline

import (
	"github.com/tracklake/tracklake/catalog"
)

// JSONSchema describes jobs.yaml for editors, as JSON Schema 2020-12. It follows
// from what the resources declare.
func JSONSchema() map[string]any {
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
			"token_store": map[string]any{"enum": []string{TokensInFiles, Postgres}, "default": TokensInFiles, "description": "Where connected accounts are kept: files of your own, or, encrypted, the first PostgreSQL destination."},
			"budgets": map[string]any{
				"type": "object", "additionalProperties": map[string]any{"type": "integer", "minimum": 0},
				"description": "Requests in 24 hours by endpoint family, like artists/albums: 80; 0 for no limit.",
			},
			"destinations": map[string]any{"type": "object", "additionalProperties": ref("destination")},
			"jobs": map[string]any{
				"type": "object", "properties": jobs, "additionalProperties": ref("job"),
				"description": "What to export. A job is named after its resource, unless it says resource.",
			},
		},
		"$defs": map[string]any{"destination": destinationSchema(), "job": jobSchema()},
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

func destinationSchema() map[string]any {
	kind := func(name, setting, doc string) map[string]any {
		return map[string]any{
			"type": "object", "additionalProperties": false, "required": []string{"type", setting},
			"properties": map[string]any{"type": map[string]any{"const": name}, setting: text(doc)},
		}
	}
	return map[string]any{"oneOf": []any{
		kind(Parquet, "path", "Folder of the files; ${NAME} is an environment variable."),
		kind(Postgres, "url", "Address of the database, like ${DATABASE_URL}."),
	}}
}

func jobSchema() map[string]any {
	return map[string]any{
		"type": "object", "required": []string{"destinations"},
		"properties": map[string]any{
			"resource":     map[string]any{"enum": resourceNames(), "description": "What to export, when the job is not named after it."},
			"schedule":     text("Cron line: minute, hour, day of the month, month, day of the week."),
			"full_every":   map[string]any{"type": "string", "pattern": "^[0-9]+[dh]$", "description": "How often a list is read whole that is otherwise searched for changes: a number of days or hours, like 7d."},
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
		case catalog.Artists:
			properties[o.Name] = map[string]any{
				"type": "object", "description": o.Doc, "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
				"properties": map[string]any{
					"from": words("Resources whose tables name the artists.", o.Allowed),
					"ids":  map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"type": "string"}},
				},
			}
		}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
