"""The issuer of tokens for tests, deployed in development's account only.

It plays the company's identity provider, which is no part of RTDTS: it trusts whoever knows its
secret about who a token is for. Its key never leaves AWS KMS.
"""
