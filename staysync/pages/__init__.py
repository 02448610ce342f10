"""The pages for people: the front page, Swagger UI, and what each kind of problem means."""
