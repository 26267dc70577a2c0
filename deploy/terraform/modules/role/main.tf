# An IAM role for one AWS service, with all its permissions in one inline policy.

resource "aws_iam_role" "this" {
  name        = var.name
  description = var.description

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = var.service }
      },
      # The service may assume the role only for this account (confused deputy prevention).
      var.for_account_id == null ? {} : {
        Condition = { StringEquals = { "aws:SourceAccount" = var.for_account_id } }
      },
    )]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "own"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in var.statements : merge(
        {
          Sid      = statement.sid
          Effect   = "Allow"
          Action   = statement.actions
          Resource = statement.resources
        },
        length(statement.condition) == 0 ? {} : { Condition = statement.condition },
      )
    ]
  })
}
