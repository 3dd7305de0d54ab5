module github.com/tracklake/tracklake/internal/clienttest/testdata/zmb3

go 1.26

require (
	github.com/zmb3/spotify/v2 v2.4.3
	golang.org/x/oauth2 v0.32.0
)

// One version stands for all, whose own requirements would fill go.sum.
replace golang.org/x/oauth2 => golang.org/x/oauth2 v0.32.0
