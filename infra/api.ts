import {
  ApiMapping,
  DomainName,
  HttpApi,
  HttpMethod,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import type { CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, Fn, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ROUTES } from '../protocol/http.ts';
import type { Route, RouteName } from '../protocol/http.ts';
import { PROBE_ROUTE } from '../protocol/probe.ts';
import type { Credential } from '../protocol/permissions.ts';
import { DEFAULT_THROTTLE, PROBE_THROTTLE, THROTTLES } from './props.ts';
import type { CoatcheckSiteProps, Throttle } from './props.ts';
import type { SiteWatch } from './watch.ts';

/** A line of the access log: also of what no function saw, as what is over a throttle. No header and no query. */
const ACCESS = {
  time: '$context.requestTime',
  id: '$context.requestId',
  route: '$context.routeKey',
  path: '$context.path',
  status: '$context.status',
  milliseconds: '$context.responseLatency',
  bytes: '$context.responseLength',
  address: '$context.identity.sourceIp',
  error: '$context.error.message',
  functionId: '$context.integration.requestId',
};

/**
 * The HTTP API: every route of `protocol/http.ts`, and no other but that of probes where it is asked for, goes to the
 * function that holds its credential. Who may call a route is decided by the function, from the request's signature.
 */
export class SiteApi extends Construct {
  /** Where nodes and administrators connect: the first of `servers` of `site.json`. */
  readonly url: string;
  /** Every address that clients may name, {@link url} first. */
  readonly publicUrls: readonly string[];
  /** What a record of the domain's name leads to. */
  readonly domainTarget: string | undefined;

  private readonly api: HttpApi;
  private readonly stage: HttpStage;
  private readonly throttles: CoatcheckSiteProps['throttles'];

  constructor(scope: Construct, id: string, props: CoatcheckSiteProps, watch: SiteWatch) {
    super(scope, id);
    const { domain, publicUrls = [], ownAddress = true } = props;
    this.throttles = { ...THROTTLES, ...props.throttles };
    this.api = new HttpApi(this, 'Api', {
      apiName: 'coatcheck',
      createDefaultStage: false,
      // What stands in front of the API needs that name; a domain of the API itself does not.
      disableExecuteApiEndpoint: !ownAddress && domain !== undefined,
    });
    Validations.of(this.api).acknowledge({
      id: 'AwsSolutions::AwsSolutions-APIG4',
      reason:
        'Nodes and administrators have keys of their own and no identity of AWS: each request is signed, and the function ' +
        'checks the signature before it does anything (protocol/request-signature.ts).',
    });
    const { rate, burst } = DEFAULT_THROTTLE;
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: rate, burstLimit: burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, 'Access', {
            retention: RetentionDays.THREE_MONTHS,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
        ),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS)),
      },
    });
    const failed = this.api.metricServerError({ period: Duration.minutes(5), statistic: 'Sum' });
    watch.alarm(this, { name: 'server-errors', metric: failed, threshold: 5 });
    watch.graph('API: requests, 4xx, 5xx', [
      ...[this.api.metricCount(), this.api.metricClientError(), failed],
    ]);
    // The stage's address ends in a slash, and ours do not.
    const own = Fn.select(0, Fn.split('/', Fn.select(1, Fn.split('//', this.stage.url))));
    const urls = [
      ...(domain === undefined ? [] : [`https://${domain.name}`]),
      ...publicUrls,
      ...(ownAddress ? [Fn.join('', ['https://', own])] : []),
    ];
    this.publicUrls = urls;
    this.url = urls[0]!;
    if (domain === undefined) return;
    const { name: domainName, certificate } = domain;
    const name = new DomainName(this, 'Domain', { domainName, certificate });
    new ApiMapping(this, 'Mapping', { api: this.api, domainName: name, stage: this.stage });
    this.domainTarget = name.regionalDomainName;
  }

  /**
   * The functions are made with the addresses: so they come after the API.
   * @param doctor serves the route of probes; undefined: there is none
   */
  route(handlers: Readonly<Record<Credential, IFunction>>, doctor?: IFunction): void {
    const integrations = {
      download: new HttpLambdaIntegration('Download', handlers.download),
      upload: new HttpLambdaIntegration('Upload', handlers.upload),
      admin: new HttpLambdaIntegration('Admin', handlers.admin),
    };
    const settings: Record<string, object> = {};
    const add = (
      { method, path }: Pick<Route, 'method' | 'path'>,
      integration: HttpLambdaIntegration,
      throttle: Throttle | undefined,
    ): void => {
      const added = this.api.addRoutes({
        ...{ path: gatewayPath(path), methods: [HttpMethod[method]], integration },
      });
      if (throttle === undefined) return;
      settings[`${method} ${gatewayPath(path)}`] = {
        ThrottlingRateLimit: throttle.rate,
        ThrottlingBurstLimit: throttle.burst,
      };
      // A stage is not made with settings of a route that is not there yet.
      this.stage.node.addDependency(...added);
    };
    for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
      // What every function can answer goes to the one that may do least.
      const who = route.credential === 'any' ? 'download' : route.credential;
      add(route, integrations[who], this.throttles?.[name]);
    }
    if (doctor !== undefined) {
      add(PROBE_ROUTE, new HttpLambdaIntegration('Doctor', doctor), PROBE_THROTTLE);
    }
    const stage = this.stage.node.defaultChild as CfnStage;
    stage.addPropertyOverride('RouteSettings', settings);
  }
}

/** `/v1/nodes/:node/config`, as our routes are written, in the gateway's way: `{node}`. */
const gatewayPath = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');
