# Which part may connect to which: only over HTTPS, and never from outside the VPC.

locals {
  groups = {
    tasks        = "containers: outbound only"
    search       = "OpenSearch: from its clients"
    search_admin = "the Lambda that prepares OpenSearch"
    firehose     = "interfaces of Firehose"
    endpoints    = "interface endpoints: from containers"
  }
  # By security group, the groups that may connect to it.
  clients = {
    search    = ["tasks", "search_admin", "firehose"]
    endpoints = ["tasks"]
  }
  pairs = merge([
    for to, clients in local.clients : { for from in clients : "${from}-to-${to}" => { from = from, to = to } }
  ]...)
}

resource "aws_security_group" "this" {
  for_each = local.groups

  name        = "${var.name}-${replace(each.key, "_", "-")}"
  description = each.value
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-${replace(each.key, "_", "-")}" }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each = local.pairs

  security_group_id            = aws_security_group.this[each.value.to].id
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  description                  = "HTTPS from ${each.value.from}"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "https" {
  # Without the containers: the rule below includes these connections.
  for_each = { for key, pair in local.pairs : key => pair if pair.from != "tasks" }

  security_group_id            = aws_security_group.this[each.value.from].id
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  description                  = "HTTPS to ${each.value.to}"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "tasks" {
  security_group_id = aws_security_group.this["tasks"].id
  description       = "HTTPS to the public endpoints of AWS, whose addresses are not known beforehand"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
