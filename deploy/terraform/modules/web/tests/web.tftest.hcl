mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name          = "rtdts-test-web"
  bucket_name   = "rtdts-test-web-123456789012"
  pages_folder  = "../../testing/pages"
  headers_file  = "../../../../web/headers.json"
  server_url    = "https://api.example.com/v1"
  websocket_url = "wss://live.example.com/live"
}

run "the_page_may_connect_only_to_the_service" {
  command = apply

  assert {
    condition     = strcontains(aws_cloudfront_response_headers_policy.this.security_headers_config[0].content_security_policy[0].content_security_policy, "connect-src 'self' https://api.example.com wss://live.example.com;")
    error_message = "The page may connect only to the origins of the service, without paths."
  }

  assert {
    condition     = contains([for item in one(aws_cloudfront_response_headers_policy.this.custom_headers_config).items : item.header], "X-Robots-Tag")
    error_message = "Responses must exclude the pages from search engines."
  }

  assert {
    condition     = aws_s3_object.page["index.html"].cache_control == "no-cache" && strcontains(aws_s3_object.page["assets/tracking-1.js"].cache_control, "immutable")
    error_message = "Browsers may cache only assets, which never change, without asking the server."
  }

}

run "only_the_distribution_reads_the_bucket" {
  command = apply

  assert {
    condition = alltrue([for statement in jsondecode(module.bucket.policy).Statement :
      statement.Effect == "Deny" || (statement.Principal == { Service = "cloudfront.amazonaws.com" } && statement.Action == "s3:GetObject" && can(statement.Condition.StringEquals["aws:SourceArn"]))
    ])
    error_message = "Only CloudFront, for this distribution, may read the bucket."
  }
}

run "a_map_of_another_origin_and_a_domain" {
  command = apply

  variables {
    map         = { style_url = "https://maps.geo.eu-central-1.amazonaws.com/v2/styles/Standard/descriptor?key=v1" }
    map_origins = ["https://maps.geo.eu-central-1.amazonaws.com"]
    domain      = { name = "track.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
  }

  assert {
    condition     = strcontains(aws_cloudfront_response_headers_policy.this.security_headers_config[0].content_security_policy[0].content_security_policy, "https://maps.geo.eu-central-1.amazonaws.com;")
    error_message = "The page must be allowed to fetch the map's tiles."
  }

  assert {
    condition     = output.url == "https://track.example.com/" && aws_cloudfront_distribution.this.aliases == toset(["track.example.com"])
    error_message = "The page's URL and the distribution must have the domain's name."
  }
}

run "the_console_may_sign_in" {
  command = apply

  variables {
    sign_in = { issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_x", client_id = "c1", origins = ["https://acme.auth.eu-central-1.amazoncognito.com"] }
  }

  assert {
    condition     = strcontains(aws_cloudfront_response_headers_policy.this.security_headers_config[0].content_security_policy[0].content_security_policy, "wss://live.example.com https://cognito-idp.eu-central-1.amazonaws.com https://acme.auth.eu-central-1.amazoncognito.com;")
    error_message = "The console must be allowed to fetch discovery and tokens from the issuer's origins."
  }
}

run "an_issuer_without_tls_is_rejected" {
  command = plan

  variables {
    sign_in = { issuer = "http://id.example.com", client_id = "c1" }
  }

  expect_failures = [var.sign_in]
}

run "origins_with_paths_are_rejected" {
  command = plan

  variables {
    sign_in     = { issuer = "https://id.example.com", client_id = "c1", origins = ["https://a.example/path"] }
    map_origins = ["https://tiles.example.com/path"]
  }

  expect_failures = [var.sign_in, var.map_origins]
}
