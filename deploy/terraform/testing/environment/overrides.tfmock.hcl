# Values for those resources of an environment whose values must differ.

override_resource {
  target = module.system.module.socket_api.aws_apigatewayv2_api.this
  values = {
    id            = "socket0000"
    api_endpoint  = "wss://socket0000.execute-api.eu-central-1.amazonaws.com"
    execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:socket0000"
  }
}

override_resource {
  target = module.system.module.parked.aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::rtdts-parked-123456789012" }
}
override_resource {
  target = module.system.module.raw_backup.aws_s3_bucket.this
  values = { arn = "arn:aws:s3:::rtdts-raw-backup-123456789012" }
}
