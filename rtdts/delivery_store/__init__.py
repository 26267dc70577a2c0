"""Everything that uses the DynamoDB tables: deliveries, matches, subscriptions, tickets."""
