mock_provider "aws" {
  source = "../../testing/aws"
}


variables {
  name         = "rtdts-test-consumer"
  force_delete = true
}

run "a_tag_is_pushed_once" {
  command = apply

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "What was tested is what runs."
  }
}

run "one_can_roll_back" {
  command = plan

  variables {
    images_kept = 1
  }

  expect_failures = [var.images_kept]
}
