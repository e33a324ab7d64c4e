"use strict";

SwaggerUIBundle({
  domNode: document.getElementById("description"),
  url: document.getElementById("description").dataset.url,
  deepLinking: true,
  displayOperationId: true,
  persistAuthorization: false,
  validatorUrl: null, // nothing leaves this server
});
