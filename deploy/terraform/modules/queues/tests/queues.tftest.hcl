mock_provider "aws" {
  source = "../../testing/aws"
}

variables {
  name_prefix = "rtdts-test-"
  queues = {
    nudges = {
      name_suffix             = "nudges.fifo"
      dead_letter_name_suffix = "nudges-dead.fifo"
      visibility_timeout_s    = 5
      retention_s             = 600
      max_receive_count       = 5
      dead_letter_retention_s = 1209600
    }
    rounds = {
      name_suffix             = "rounds.fifo"
      dead_letter_name_suffix = null
      visibility_timeout_s    = 10
      retention_s             = 300
      max_receive_count       = null
      dead_letter_retention_s = null
    }
  }
}

run "dead_letters_wholly_or_not_at_all" {
  command = plan

  variables {
    queues = {
      rounds = {
        name_suffix             = "rounds.fifo"
        dead_letter_name_suffix = "rounds-dead.fifo"
        visibility_timeout_s    = 10
        retention_s             = 300
      }
    }
  }

  expect_failures = [var.queues]
}

run "dead_letters_outlive_their_queue" {
  command = plan

  variables {
    queues = {
      nudges = {
        name_suffix             = "nudges.fifo"
        dead_letter_name_suffix = "nudges-dead.fifo"
        visibility_timeout_s    = 5
        retention_s             = 600
        max_receive_count       = 5
        dead_letter_retention_s = 600
      }
    }
  }

  expect_failures = [var.queues]
}
