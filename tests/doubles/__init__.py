"""Stand-ins for what Coatcheck talks to: a provider of the OpenAI and Anthropic APIs, over real TLS."""
