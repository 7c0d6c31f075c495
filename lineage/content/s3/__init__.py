"""S3, and whatever else speaks as it does: objects as artifacts and as sources.

Importing this does not import boto3; the first request does.
"""
