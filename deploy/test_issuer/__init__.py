"""The issuer of tokens for tests, deployed in development's account only.

It stands in for the company's identity provider, which is not part of RTDTS: a client that has its
secret may get a token for any identity. Its key never leaves AWS KMS.
"""
