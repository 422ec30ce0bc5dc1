variable "depot" {
  type        = string
  description = "Which depot the queue belongs to."
}

locals {
  name = "queue-${var.depot}"
  tags = { team = "ramp" }
}

# Parcels that were tried three times wait here for a person to look at them.
resource "aws_sqs_queue" "returns" {
  name                      = "${local.name}-returns"
  message_retention_seconds = 1209600
  tags                      = local.tags
}

resource "aws_sqs_queue" "waiting" {
  name = local.name
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.returns.arn
    maxReceiveCount     = 3
  })

  tags = local.tags
}

data "aws_iam_policy_document" "loader" {
  statement {
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = [aws_sqs_queue.waiting.arn]
  }
}

module "board" {
  source = "./modules/board"
  queue  = aws_sqs_queue.waiting.url
}

output "queue_url" {
  value = aws_sqs_queue.waiting.url
}
