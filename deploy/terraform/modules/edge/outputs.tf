output "names" {
  description = "The names by purpose, once they lead here."
  value       = { for key, record in aws_route53_record.this : key => var.fronts[key].name }
}
