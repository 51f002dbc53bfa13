"""The two doors (P8): public takes signed webhooks and hands out hosted attachments; private has
everything else and listens on loopback."""
