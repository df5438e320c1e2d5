"""A stand-in Jira: a separate program that the service reaches over HTTP only.

It answers like Jira Cloud's REST API version 2 as far as Déjà Bug and its tests go, sends signed
webhooks, and has pages for people. It imports nothing of the service. Start it with
`python -m dejabug.demo.jira_standin`.
"""
