package config

import (
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/schedule"
)

// SchemaURL is where editors find the JSON Schema.
const SchemaURL = "https://raw.githubusercontent.com/tracklake/tracklake/main/docs/jobs.schema.json"

// JSONSchema describes jobs.yaml for editors, as JSON Schema 2020-12. It follows
// from what the resources declare, and refuses what [Parse] refuses, as far as a schema
// can: it does not relate one entry to another.
func JSONSchema(drivers []load.Driver) map[string]any {
	defs := map[string]any{"destination": destinationSchema(drivers), "job": jobSchema()}
	for _, r := range catalog.All() {
		defs["options."+r.Name] = optionsSchema(r)
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     SchemaURL,
		"title":   "Tracklake jobs.yaml",
		"type":    "object", "additionalProperties": false,
		"anyOf": []any{required("destinations"), required("jobs")},
		"properties": map[string]any{
			"timezone":    with(text("Time zone of the schedules, like Europe/Stockholm; UTC when it is not given."), "minLength", 1),
			"token_store": with(text("Where connected accounts are kept: file, which is a folder of your own, or, encrypted, the database of the destination of that name."), "default", TokensInFiles),
			"developer":   text("Name of the Spotify developer whose client IDs are counted together; without it, each client ID is counted by itself."),
			"budgets": named(map[string]any{"enum": buckets()},
				map[string]any{"type": "integer", "minimum": 0, "maximum": maxBudget},
				"Requests in 24 hours by bucket of the rate limit, like artists/albums: 80; 0 for no limit."),
			"destinations": named(name(), ref("destination"), "Where rows go: a name, and its type and address."),
			"jobs":         jobsSchema(),
		},
		"$defs": defs,
	}
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

func required(key string) map[string]any { return map[string]any{"required": []string{key}} }

// pattern adds a regular expression to a schema, and what editors say of a text that
// does not match it.
func pattern(schema map[string]any, expression, message string) map[string]any {
	schema["pattern"], schema["patternErrorMessage"] = expression, message
	return schema
}

// name describes the names of jobs and destinations.
func name() map[string]any {
	return pattern(map[string]any{}, namePattern().String(), "Use letters, digits, - and _.")
}

func text(doc string) map[string]any {
	return map[string]any{"type": "string", "description": doc}
}

// with adds a keyword to a schema.
func with(schema map[string]any, keyword string, value any) map[string]any {
	schema[keyword] = value
	return schema
}

// named is a mapping of names to values. It may be left empty.
func named(names, values map[string]any, doc string) map[string]any {
	return map[string]any{"type": []string{"object", "null"}, "propertyNames": names, "additionalProperties": values, "description": doc}
}

// words is a list of some of the allowed words.
func words(doc string, allowed []string) map[string]any {
	return map[string]any{
		"type": "array", "description": doc, "minItems": 1,
		"items": map[string]any{"enum": allowed},
	}
}

func destinationSchema(drivers []load.Driver) map[string]any {
	var types []any
	for _, d := range drivers {
		types = append(types, map[string]any{
			"type": "object", "additionalProperties": false, "required": []string{"type", d.Setting},
			"properties": map[string]any{"type": map[string]any{"const": d.Type}, d.Setting: pattern(text(d.Doc), `\S`, "It must not be empty.")},
		})
	}
	return map[string]any{"oneOf": types}
}

// jobsSchema lets a job that is named after a resource do without the key resource.
func jobsSchema() map[string]any {
	properties := map[string]any{}
	for _, r := range catalog.All() {
		properties[r.Name] = map[string]any{"allOf": []any{ref("job"), map[string]any{
			"if":   required("resource"),
			"else": map[string]any{"properties": map[string]any{"options": optionsOf(r)}},
		}}}
	}
	out := named(name(), map[string]any{"allOf": []any{ref("job"), required("resource")}},
		"What to export. A job is named after its resource, unless it says resource.")
	return with(out, "properties", properties)
}

// jobSchema is what all jobs have in common, and the options of each resource for jobs
// that say resource.
func jobSchema() map[string]any {
	var options []any
	for _, r := range catalog.All() {
		options = append(options, map[string]any{
			"if":   with(required("resource"), "properties", map[string]any{"resource": map[string]any{"const": r.Name}}),
			"then": map[string]any{"properties": map[string]any{"options": optionsOf(r)}},
		})
	}
	return map[string]any{
		"type": "object", "required": []string{"destinations"}, "additionalProperties": false, "allOf": options,
		"properties": map[string]any{
			"resource":   map[string]any{"enum": resourceNames(), "description": "What to export, when the job is not named after it."},
			"schedule":   pattern(text("Cron line: minute, hour, day of the month, month, day of the week."), schedule.Pattern(), "A cron line has five fields, like 15 3 * * * for a quarter past three every night."),
			"full_every": pattern(text("Time between two full syncs of a list that is otherwise synced incrementally: a number of days or hours, like 7d."), fullEveryPattern().String(), "Write a number of days or hours, like 7d or 36h."),
			"destinations": map[string]any{
				"type": "array", "minItems": 1, "uniqueItems": true, "items": map[string]any{"type": "string"},
				"description": "Names of destinations. One run writes to all of them.",
			},
			"options": map[string]any{"type": []string{"object", "null"}},
		},
	}
}

func optionsOf(r *catalog.Resource) map[string]any { return ref("options." + r.Name) }

func optionsSchema(r *catalog.Resource) map[string]any {
	properties := map[string]any{}
	for _, o := range r.Options {
		switch o.Kind {
		case catalog.Words:
			properties[o.Name] = with(words(o.Doc, o.Allowed), "default", o.Default)
		case catalog.Number:
			properties[o.Name] = map[string]any{"type": "integer", "minimum": o.Least, "maximum": o.Most, "default": o.Number, "description": o.Doc}
		case catalog.Chosen:
			properties[o.Name] = map[string]any{
				"type": "object", "description": o.Doc, "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
				"properties": map[string]any{
					"from": words("Resources whose tables name each "+r.Parents.Noun+".", r.Sources()),
					"ids":  map[string]any{"type": "array", "minItems": 1, "items": pattern(text("ID, URI or link of the "+r.Parents.Noun+"."), o.IDPattern+"|"+variablePattern().String(), "Write an ID of 22 letters and digits, a URI or a link.")},
				},
			}
		}
	}
	return map[string]any{"type": []string{"object", "null"}, "additionalProperties": false, "properties": properties}
}
