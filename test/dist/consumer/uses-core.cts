import core = require('mcp-tls/core');

export const factory: core.CustomClientFactory = core.makeCustomClientFactory('PEM');
export const selfSigned: boolean = core.isSelfSignedPem('PEM');
