"""The two doors (P8): public takes signed webhooks and events that prove whose they are, hands out
hosted attachments and shows the pages behind alerts' links; private has everything else and listens
on loopback."""
