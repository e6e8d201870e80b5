module example.com/verify

go 1.24

require (
	github.com/google/go-github/v74 v74.0.0
	github.com/svix/svix-webhooks v1.44.0
)

require (
	github.com/google/go-querystring v1.1.0 // indirect
	gopkg.in/validator.v2 v2.0.1 // indirect
)
