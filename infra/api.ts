import { HttpApi, HttpMethod, HttpStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { ROUTES } from '../protocol/http.ts';
import type { Credential } from '../protocol/permissions.ts';

/** Requests over the whole API; beyond them the gateway answers 429 and no function runs. */
const THROTTLE = { rateLimit: 100, burstLimit: 200 } as const;

/**
 * The HTTP API: every route of `protocol/http.ts`, and no other, goes to the function that holds
 * its credential. Who may call a route is decided by the function, from the request's signature.
 */
export class SiteApi extends Construct {
  /** Where nodes and administrators connect: `servers` of `site.json`. */
  readonly url: string;

  private readonly api: HttpApi;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const api = new HttpApi(this, 'Api', {
      apiName: 'coatcheck',
      createDefaultStage: false,
    });
    const stage = new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      throttle: THROTTLE,
    });
    this.url = stage.url;
    this.api = api;
  }

  /** The functions are made with the address: so they come after the API. */
  route(handlers: Readonly<Record<Credential, IFunction>>): void {
    const integrations = {
      download: new HttpLambdaIntegration('Download', handlers.download),
      upload: new HttpLambdaIntegration('Upload', handlers.upload),
      admin: new HttpLambdaIntegration('Admin', handlers.admin),
    };
    for (const { method, path, credential } of Object.values(ROUTES)) {
      this.api.addRoutes({
        path: gatewayPath(path),
        methods: [HttpMethod[method]],
        // What every function can answer goes to the one that may do least.
        integration: integrations[credential === 'any' ? 'download' : credential],
      });
    }
  }
}

/** `/v1/nodes/:node/config`, as our routes are written, in the gateway's way: `{node}`. */
const gatewayPath = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');
