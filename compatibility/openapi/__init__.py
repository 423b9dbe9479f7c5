"""Whether FlowHub sends what OpenAPI documents mean; see the README.md of the folder above."""
