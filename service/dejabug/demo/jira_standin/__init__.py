"""A stand-in Jira: another program, spoken to over HTTP only.

It answers like Jira Cloud's REST API version 2 as far as Déjà Bug and its tests go, sends signed
webhooks, and has pages to look at. It imports nothing of the service. Start it with
`python -m dejabug.demo.jira_standin --data DIR`.
"""
