mock_provider "local" {}

variables {
  sim      = { ServerURL = "https://a.example", WebSocketURL = "wss://b.example/live", TOKEN_SECRET = "s" }
  web      = { ServerURL = "https://a.example", WebSocketURL = "wss://b.example/live" }
  sim_file = "./sim.env"
  web_file = "./web.env"
}

run "lines_that_a_shell_reads" {
  command = apply

  assert {
    condition     = nonsensitive(output.sim) == "ServerURL=https://a.example\nTOKEN_SECRET=s\nWebSocketURL=wss://b.example/live\n"
    error_message = "A line a name."
  }

  assert {
    condition     = local_sensitive_file.sim.file_permission == "0600"
    error_message = "For its owner's eyes."
  }
}

run "the_page_has_no_secrets" {
  command = plan

  variables {
    web = { TOKEN_SECRET = "s" }
  }

  expect_failures = [var.web]
}

run "sim_needs_both_urls" {
  command = plan

  variables {
    sim = { ServerURL = "https://a.example" }
  }

  expect_failures = [var.sim]
}

run "nothing_that_a_shell_would_take_for_something_else" {
  command = plan

  variables {
    sim = { ServerURL = "https://a.example/$(reboot)", WebSocketURL = "wss://b.example/live" }
  }

  expect_failures = [var.sim]
}
