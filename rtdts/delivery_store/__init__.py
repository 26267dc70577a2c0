"""Everything that knows the DynamoDB tables: deliveries, matches, subscriptions, tickets."""
