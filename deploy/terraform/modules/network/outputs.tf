output "vpc_id" {
  description = "Id of the VPC, for security groups of other modules."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "The private subnets, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
}

output "tasks" {
  description = "Network of the containers: subnets, security groups, and whether they need public addresses."
  value = {
    subnet_ids = [
      for zone in var.availability_zones :
      var.nat_gateways > 0 ? aws_subnet.private[zone].id : aws_subnet.public[zone].id
    ]
    security_group_ids = [aws_security_group.this["tasks"].id]
    assign_public_ip   = var.nat_gateways == 0
  }

  # Without its route to the internet, a task can't fetch its image.
  depends_on = [aws_route.internet, aws_route.nat, aws_route_table_association.public, aws_route_table_association.private]
}

output "security_group_ids" {
  description = "Security groups by purpose."
  value       = { for key, group in aws_security_group.this : key => group.id }

  depends_on = [
    aws_vpc_security_group_ingress_rule.https,
    aws_vpc_security_group_egress_rule.https,
    aws_vpc_security_group_egress_rule.tasks,
  ]
}
